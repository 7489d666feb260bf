package imapd

import (
	"hash/maphash"
	"strings"

	"posthorn/store"
)

// What the session does itself to names, subscriptions and annotations is not
// told to its client (RFC 5465 §5): it is noted here as told already, and what
// others do to the same at the same time still differs from it. STATUS comes
// also of what the client itself put into another mailbox: in counts its own
// message and another's are not told apart.
//
// All do nothing without a notification that watches mailboxes.

func (n *notification) watches() bool { return n != nil && n.directory != nil }

func (n *notification) created(name string, b store.Box) {
	if n.watches() {
		n.told[b.ID] = newWatched(name, b)
	}
}

func (n *notification) deleted(id store.MailboxID) {
	if n.watches() {
		delete(n.told, id)
	}
}

// renamed takes along what is below.
func (n *notification) renamed(from, to string) {
	if !n.watches() {
		return
	}
	for id, w := range n.told {
		if below, ok := strings.CutPrefix(w.name, from); ok && (below == "" || strings.HasPrefix(below, separator)) {
			w.name = to + below
			n.told[id] = w
		}
	}
}

func (n *notification) subscribed(name string, on bool) {
	switch {
	case !n.watches():
	case on:
		n.names[name] = true
	default:
		delete(n.names, name)
	}
}

// left notes what the client knows of a mailbox that it had selected: of that it
// was told otherwise than by STATUS, and of what came behind that it was not.
func (n *notification) left(v *view) {
	if !n.watches() {
		return
	}
	if w, ok := n.told[v.box.id]; ok {
		b := v.seen.box
		w.messages, w.next, w.modSeq = int64(v.seen.count), b.UIDNext, b.ModSeq
		n.told[v.box.id] = w
		n.seen = nil
		n.dirty.Store(true)
	}
}

// annotated is of a mailbox, or of the server with 0.
func (n *notification) annotated(id store.MailboxID, all []store.Annotation) {
	if !n.watches() {
		return
	}
	known := &n.server
	if id != 0 {
		e := n.entries[id]
		known = &e
	}
	if *known == nil {
		*known = entries{}
	}
	for _, a := range all {
		if a.Value == nil {
			delete(*known, entryName(a))
		} else {
			(*known)[entryName(a)] = maphash.Bytes(entrySeed, a.Value)
		}
	}
	if id != 0 {
		n.entries[id] = *known
	}
}
