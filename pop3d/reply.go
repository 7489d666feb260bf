package pop3d

import (
	"errors"

	"posthorn/auth"
	"posthorn/store"
)

// refusal is an answer: what stands behind -ERR.
type refusal string

func (r refusal) Error() string { return string(r) }

// The words for each kind of failure, the first that fits, with the codes of RFC 2449 §8 and RFC
// 3206 §3.
var words = []struct {
	kind error
	say  refusal
}{
	{auth.ErrCredentials, "[AUTH] Wrong user name or password"},
	{auth.ErrThrottled, "[AUTH] Too many wrong passwords"},
	{auth.ErrMechanism, "That login mechanism is not offered"},
	{auth.ErrSyntax, "That is not what the login mechanism asks for"},
	{store.ErrLocked, "[IN-USE] The mailbox is open in another POP3 session"},
	{store.ErrNoSpace, "[SYS/TEMP] The server's disk is full; try again later"},
	{store.ErrExpunged, "The message was removed by another program"},
	{store.ErrCorrupt, corrupt}, // an expunged message's content is ErrExpunged too
}

const (
	corrupt    refusal = "[SYS/PERM] The message cannot be read; the administrator must mend it"
	unforeseen refusal = "[SYS/TEMP] Local error; nothing is lost, try again later"
)

// fail answers -ERR. What nobody foresaw is logged and the client's to try
// again.
func (s *session) fail(err error) {
	var r refusal
	if !errors.As(err, &r) {
		r = unforeseen
		for _, w := range words {
			if errors.Is(err, w.kind) {
				r = w.say
				break
			}
		}
		if r == unforeseen || r == corrupt {
			s.log.Error("pop3 command failed", "error", err)
		}
	}
	if errors.Is(err, auth.ErrThrottled) {
		s.ended = true
	}
	s.reply("-ERR %s", string(r))
}
