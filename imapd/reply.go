package imapd

import (
	"errors"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// reply is a tagged response other than the plain OK. It is an error, so that
// a command can return it.
type reply struct {
	status string // NO or BAD
	code   string // response code without brackets (RFC 5530, RFC 9051 §7.1)
	text   string
}

func (r *reply) Error() string { return r.status + " " + r.text }

func no(code, text string) error { return &reply{"NO", code, text} }

func bad(text string) error { return &reply{"BAD", "", text} }

// The kinds of failure of the store in IMAP's words. Content that is gone
// because its message was expunged is ErrExpunged and ErrCorrupt: the first
// that fits counts.
var kinds = []struct {
	kind error
	says reply
}{
	{store.ErrNotFound, reply{"NO", "NONEXISTENT", "There is no such mailbox"}},
	{store.ErrExists, reply{"NO", "ALREADYEXISTS", "That mailbox exists already"}},
	{store.ErrOverQuota, reply{"NO", "OVERQUOTA", "Not enough room: the quota of the mailbox's owner is used up"}},
	{store.ErrInvalid, reply{"NO", "CANNOT", "That is not possible"}},
	{store.ErrReadOnly, reply{"NO", "UNAVAILABLE", "Nothing can be changed at present"}},
	{store.ErrNoSpace, reply{"NO", "UNAVAILABLE", "The server's disk is full; try again later"}},
	{store.ErrExpunged, reply{"NO", "EXPUNGEISSUED", "Some of the messages no longer exist"}},
	{store.ErrCorrupt, reply{"NO", "CORRUPTION", "The content of a message is missing or damaged"}},
	{store.ErrLimit, reply{"NO", "LIMIT", "Over a limit of this server"}},
	{store.ErrLocked, reply{"NO", "INUSE", "In use by another session; try again"}},
	{store.ErrClosed, reply{"NO", "UNAVAILABLE", "The server is shutting down"}},
	{wire.ErrName, reply{"NO", "CANNOT", "That is not a valid mailbox name"}},
	{wire.ErrNumbers, reply{"BAD", "UIDREQUIRED", "This session uses UIDs only"}},
	{wire.ErrTooBig, reply{"NO", "TOOBIG", "That literal is larger than allowed"}},
	{wire.ErrTooLong, reply{"BAD", "", "That command line is longer than allowed"}},
}

// replyFor puts any error a command returned into words. foreseen is false for
// one that nobody named: it is for the log.
func replyFor(err error) (r reply, foreseen bool) {
	var as *reply
	if errors.As(err, &as) {
		return *as, true
	}
	var syntax *wire.SyntaxError
	if errors.As(err, &syntax) {
		return reply{"BAD", "", "Syntax error: " + syntax.Error()}, true
	}
	for _, k := range kinds {
		if errors.Is(err, k.kind) {
			return k.says, true
		}
	}
	return reply{"NO", "UNAVAILABLE", "Something went wrong here; try again later"}, false
}

// target changes "there is no such mailbox" for commands that put messages
// into one: the client may create it and try again (RFC 9051 §7.1, TRYCREATE).
func target(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return no("TRYCREATE", "There is no such mailbox; create it first")
	}
	return err
}
