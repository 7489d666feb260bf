package imapd

import (
	"context"

	"posthorn/imapd/wire"
)

// state is a set of the states of RFC 9051 §3.
type state uint8

const (
	stranger state = 1 << iota // not authenticated
	member                     // authenticated, nothing selected
	selected
	ended // logged out or told BYE

	loggedIn = member | selected
	always   = stranger | loggedIn
)

// command is one row of the table. Files are named after their command.
//
// A run function takes its arguments from c.dec in the order of the grammar,
// asks c.dec.End() whether that was all, and only then acts. It writes
// untagged responses to s.out and returns
//
//	nil                          for `tag OK NAME completed` (c.code and c.text change that),
//	no("CODE", "text") or bad()  for another tagged response,
//	c.dec.End()'s error          for BAD (or TOOBIG, CANNOT: see reply.go),
//	an error of the store        for what reply.go makes of it.
//
// The session writes the tagged response, and before it what the client has
// not been told about its mailbox. A run function that wants bytes to go out
// before that calls s.flush; it hardly ever has to.
type command struct {
	name  string // in capitals, with its UID prefix
	legal state
	flags flags
	run   func(s *session, c *call) error
}

type flags uint8

const (
	// keepsNumbers forbids EXPUNGE until the tagged response: commands that
	// speak of messages by number (RFC 9051 §7.5.1).
	keepsNumbers flags = 1 << iota
	// byUID: the numbers of the command are UIDs.
	byUID
	// numberless: the command has a twin with UID before its name and yet
	// names no message by number itself.
	numberless
	// movesView: the command itself decides what the client is told about
	// its mailbox; the session adds nothing.
	movesView
	// asks: the command is answered with what is new in the selected mailbox,
	// also to a client that NOTIFY told to keep it as it is. It is there to
	// ask for that, or to take messages away.
	asks
	// whole: the command is refused where it would go beyond message_limit,
	// since a part of it would be worth nothing; the others do that part.
	whole
)

// numbered says whether a command names messages by their numbers, in what it
// takes or in what it answers: it has a twin that does so by UID. After ENABLE
// UIDONLY it is refused (RFC 9586 §3), before it runs. Numbers elsewhere, as in
// search keys, are taken with Decoder.Numbers, which refuses them then; FETCH
// responses begin with startFetch, and expunges are told by the view alone.
func (s *session) numbered(c *command) bool {
	return c.flags&numberless == 0 && s.srv.table["UID "+c.name] != nil
}

// call is one command as it was sent.
type call struct {
	*command
	ctx context.Context
	tag string
	dec *wire.Decoder

	code string // response code of the tagged OK, without brackets
	text string // its text, if not the usual one
	cut  string // the code MESSAGELIMIT, if not all was done (see limit)

	after func() error // runs behind the tagged response; its error ends the session
}

func (c *call) uid() bool { return c.flags&byUID != 0 }

// base is what both revisions have without any capability of their own
// (RFC 3501 §6, RFC 9051 §6). The others stand with their extension.
var base = []command{
	{"CAPABILITY", always, 0, (*session).capability},
	{"NOOP", always, asks, (*session).noop},
	{"LOGOUT", always, movesView, (*session).logout},
	{"STARTTLS", stranger, 0, (*session).startTLS},
	{"AUTHENTICATE", stranger, 0, (*session).authenticate},
	{"LOGIN", stranger, 0, (*session).loginCommand},
	{"SELECT", loggedIn, movesView, (*session).selectCommand},
	{"EXAMINE", loggedIn, movesView, (*session).examine},
	{"CREATE", loggedIn, 0, (*session).create},
	{"DELETE", loggedIn, 0, (*session).deleteCommand},
	{"RENAME", loggedIn, 0, (*session).rename},
	{"SUBSCRIBE", loggedIn, 0, (*session).subscribe},
	{"UNSUBSCRIBE", loggedIn, 0, (*session).unsubscribe},
	{"LIST", loggedIn, 0, (*session).list},
	{"LSUB", loggedIn, 0, (*session).lsub},
	{"STATUS", loggedIn, 0, (*session).status},
	{"APPEND", loggedIn, 0, (*session).appendCommand},
	{"CHECK", selected, asks, (*session).noop},
	{"CLOSE", selected, movesView, (*session).closeCommand},
	{"EXPUNGE", selected, numberless | asks, (*session).expunge},
	{"SEARCH", selected, keepsNumbers, (*session).search},
	{"UID SEARCH", selected, byUID, (*session).search},
	{"FETCH", selected, keepsNumbers, (*session).fetch},
	{"UID FETCH", selected, byUID, (*session).fetch},
	{"STORE", selected, keepsNumbers, (*session).store},
	{"UID STORE", selected, byUID, (*session).store},
	{"COPY", selected, whole, (*session).copyCommand},
	{"UID COPY", selected, byUID | whole, (*session).copyCommand},
}

// newTable is all commands by name: base and every extension's.
func newTable() map[string]*command {
	table := make(map[string]*command)
	add := func(rows []command) {
		for i := range rows {
			table[rows[i].name] = &rows[i]
		}
	}
	add(base)
	for _, x := range extensions {
		add(x.commands)
	}
	return table
}

// takeName takes a command's name, both words of a UID command.
func takeName(d *wire.Decoder) string {
	name := d.Word()
	if name == "UID" {
		d.SP()
		name += " " + d.Word()
	}
	return name
}
