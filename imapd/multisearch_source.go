package imapd

import (
	"slices"
	"strings"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// searchSource is where ESEARCH looks (RFC 7377 §2.2, RFC 5465 §6).
type searchSource struct {
	selected                      bool
	inboxes, personal, subscribed bool
	named, below, justBelow       []string // mailboxes, subtree, subtree-one
}

// takeSource takes the list behind IN. There are no scope options.
func takeSource(d *wire.Decoder) (from searchSource) {
	empty := true
	d.List(func() {
		empty = false
		switch word := d.Word(); word {
		case "SELECTED":
			from.selected = true
		case "INBOXES":
			from.inboxes = true
		case "PERSONAL":
			from.personal = true
		case "SUBSCRIBED":
			from.subscribed = true
		case "MAILBOXES":
			from.named = append(from.named, takeMailboxes(d)...)
		case "SUBTREE":
			from.below = append(from.below, takeMailboxes(d)...)
		case "SUBTREE-ONE":
			from.justBelow = append(from.justBelow, takeMailboxes(d)...)
		default:
			d.Fail("%q is no source of mailboxes", word)
		}
	})
	if empty {
		d.Fail("expected a source of mailboxes")
	}
	return from
}

// takeMailboxes takes a space and a mailbox, or several in parentheses.
func takeMailboxes(d *wire.Decoder) (names []string) {
	d.SP()
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

func (from *searchSource) onlySelected() bool {
	return from.selected && !from.inboxes && !from.personal && !from.subscribed && from.named == nil && from.below == nil && from.justBelow == nil
}

// allows refuses what has a meaning in the selected mailbox only: message
// numbers, "$", and results that are kept (RFC 7377 §2.1).
func (from *searchSource) allows(s *session, p *parser, want results) error {
	switch {
	case from.onlySelected() && s.state != selected:
		return bad("Select a mailbox first, or say in which to search")
	case !from.onlySelected() && (p.numbered || want.save || want.update):
		return bad("That goes with the selected mailbox alone")
	}
	return nil
}

// resolve gives the names of the mailboxes, each once, in order.
func (from *searchSource) resolve(s *session, c *call) ([]string, error) {
	names := slices.Clone(from.named)
	if from.selected && s.state == selected {
		names = append(names, s.view.name)
	}
	t, err := s.tree(c)
	if err != nil {
		return nil, err
	}
	for _, e := range t.entries {
		if e.exists && e.rights.Has(store.RightRead) && from.holds(s, e) {
			names = append(names, e.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// holds says whether a mailbox is among those that are not named. Mail is
// delivered into INBOX, and what is taken for junk into \Junk.
func (from *searchSource) holds(s *session, e *entry) bool {
	own := e.box.Account == s.account
	switch {
	case from.personal && own, from.subscribed && e.subscribed:
		return true
	case from.inboxes && own && (e.name == "INBOX" || e.box.Role == store.RoleJunk):
		return true
	}
	under := func(root string, deep bool) bool {
		rest, ok := strings.CutPrefix(e.name, root+separator)
		return e.name == root || ok && (deep || !strings.Contains(rest, separator))
	}
	return slices.ContainsFunc(from.below, func(root string) bool { return under(root, true) }) ||
		slices.ContainsFunc(from.justBelow, func(root string) bool { return under(root, false) })
}
