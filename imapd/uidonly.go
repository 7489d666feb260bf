package imapd

import "posthorn/store"

// UIDONLY (RFC 9586): after ENABLE UIDONLY nobody speaks of message numbers.
// command.go says how commands and search keys obey; what is told obeys here
// and in the view's writeExpunged.

// startFetch begins a FETCH response, or UIDFETCH after ENABLE UIDONLY.
func (s *session) startFetch(n uint32, uid store.UID) {
	if s.uidOnly {
		s.out.Raw("* ").Num(int64(uid)).Raw(" UIDFETCH (")
		return
	}
	s.out.Raw("* ").Num(int64(n)).Raw(" FETCH (")
}
