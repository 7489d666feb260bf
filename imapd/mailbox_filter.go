package imapd

import (
	"slices"
	"strings"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// mailboxFilter chooses mailboxes for NOTIFY and ESEARCH: RFC 5465 §6, to which
// RFC 7377 §2.2 adds SUBTREE-ONE. What they say of the selected mailbox is each
// command's own.
type mailboxFilter struct {
	word  string
	names []string // behind SUBTREE, SUBTREE-ONE and MAILBOXES
}

// takeMailboxFilter takes what follows the filter's first word.
func takeMailboxFilter(d *wire.Decoder, word string) mailboxFilter {
	f := mailboxFilter{word: word}
	switch word {
	case "INBOXES", "PERSONAL", "SUBSCRIBED":
	case "SUBTREE", "SUBTREE-ONE", "MAILBOXES":
		d.SP()
		f.names = takeMailboxes(d)
	default:
		d.Fail("%q is no choice of mailboxes", word)
	}
	return f
}

// takeMailboxes takes a mailbox, or several in parentheses.
func takeMailboxes(d *wire.Decoder) (names []string) {
	one := func() { names = append(names, canonical(d.Mailbox())) }
	if !d.At('(') {
		one()
		return names
	}
	d.List(one)
	if len(names) == 0 {
		d.Fail("expected a mailbox")
	}
	return names
}

// matches says whether a mailbox, or a name that is none, is among those chosen.
// Mail is delivered into INBOX, and what is taken for junk into \Junk.
func (f mailboxFilter) matches(e *entry) bool {
	personal := !strings.HasPrefix(e.name, sharedPrefix)
	switch f.word {
	case "INBOXES":
		return personal && (e.name == "INBOX" || e.box.Role == store.RoleJunk)
	case "PERSONAL":
		return personal
	case "SUBSCRIBED":
		return e.subscribed
	case "MAILBOXES":
		return slices.Contains(f.names, e.name)
	}
	return slices.ContainsFunc(f.names, func(root string) bool {
		below, ok := strings.CutPrefix(e.name, root+separator)
		return e.name == root || ok && (f.word == "SUBTREE" || !strings.Contains(below, separator))
	})
}
