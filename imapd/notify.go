package imapd

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// event is a set of RFC 5465 §5's events.
type event uint8

const (
	messageNew event = 1 << iota
	messageExpunge
	flagChange
	mailboxName
	subscriptionChange
	mailboxMetadataChange
	serverMetadataChange

	messageEvents = messageNew | messageExpunge | flagChange
)

// events are those that there are, under the names that BADEVENT lists.
var events = []struct {
	name  string
	event event
}{
	{"MessageNew", messageNew},
	{"MessageExpunge", messageExpunge},
	{"FlagChange", flagChange},
	{"MailboxName", mailboxName},
	{"SubscriptionChange", subscriptionChange},
	{"MailboxMetadataChange", mailboxMetadataChange},
	{"ServerMetadataChange", serverMetadataChange},
}

// annotationChange is an event of RFC 5257, which is not offered: to ask for it
// is refused, and no syntax error.
const annotationChange = "ANNOTATIONCHANGE"

// notification is what a client asked for with NOTIFY SET, and what it was told
// since. The groups add up: a mailbox has the events of every group that
// names it.
//
// Nothing queues up for a client. A commit marks the notification and wakes the
// session; the session compares the mailboxes with what it has told, at its
// next legal moment, so that many changes are one response to a slow client.
type notification struct {
	groups   []eventGroup
	selected event // of the selected mailbox
	delayed  bool  // SELECTED-DELAYED: no EXPUNGE between commands
	fetch    []fetchItem

	directory *directory  // nil without groups
	dirty     atomic.Bool // a commit touched it
	seen      *tree       // the one that told and names are of
	told      map[store.MailboxID]watched
	names     map[string]bool // subscribed names
	entries   map[store.MailboxID]entries
	server    entries
}

// eventGroup is one group but SELECTED.
type eventGroup struct {
	mailboxFilter
	events event
}

// notifyCommand: RFC 5465. NOTIFY SET takes the place of the one before, also
// where it is refused for its events: then the one before stays.
func (s *session) notifyCommand(c *call) error {
	c.dec.SP()
	switch word := c.dec.Word(); word {
	case "NONE":
		if err := c.dec.End(); err != nil {
			return err
		}
		s.notifyNothing()
		return nil
	case "SET":
		return s.notifySet(c)
	default:
		c.dec.Fail("expected SET or NONE, not %q", word)
		return c.dec.End()
	}
}

func (s *session) notifySet(c *call) error {
	c.dec.SP()
	status := false
	if !c.dec.At('(') {
		if c.dec.Word() != "STATUS" {
			c.dec.Fail("expected STATUS or a group of events")
		}
		status = true
		c.dec.SP()
	}
	t := &notifyTaker{d: c.dec, n: &notification{}}
	for t.group(); c.dec.TakeSP(); {
		t.group()
	}
	if err := c.dec.End(); err != nil {
		return err
	}
	if t.wrong != "" {
		return bad(t.wrong)
	}
	if t.strange {
		return no("BADEVENT "+eventNames(), "There is no such event here")
	}
	return s.notifyBegin(c, t.n, status)
}

// eventNames is the list of what there is.
func eventNames() string {
	var names []string
	for _, e := range events {
		names = append(names, e.name)
	}
	return "(" + strings.Join(names, " ") + ")"
}

// notifyBegin puts a notification in the place of the one before.
func (s *session) notifyBegin(c *call, n *notification, status bool) error {
	if len(n.groups) > 0 {
		n.directory = s.srv.trees.take(s.account, n, s.conn)
		if err := s.snapshot(c, n); err != nil {
			s.srv.trees.put(n.directory, n)
			return err
		}
	}
	s.closeNotify()
	s.notify = n
	if n.seen == nil {
		return nil
	}
	for _, e := range n.seen.entries {
		wanted := n.events(e)
		switch {
		case !e.exists || wanted&messageEvents == 0:
		case !e.rights.Has(needs["STATUS"]):
			s.out.Raw(`* LIST (\NoAccess) "/" `).Mailbox(e.name).CRLF()
		case status && !s.isSelected(e.box.ID):
			if err := s.writeStatus(c, e.box, s.notifyItems(wanted)); err != nil {
				return err
			}
		}
	}
	return nil
}

// snapshot notes what there is.
func (s *session) snapshot(c *call, n *notification) error {
	t, err := n.directory.tree(c.ctx)
	if err != nil {
		return err
	}
	if n.remember(t) > notifyBoxes {
		return no("NOTIFICATIONOVERFLOW", "That is more than this server watches for one client")
	}
	return s.rememberMetadata(c, n, t)
}

// wants says whether there is anything to tell between commands.
func (n *notification) wants() bool { return n.selected != 0 || len(n.groups) > 0 }

// wantsFlags: no FlagChange for the selected mailbox, no FETCH of changed flags,
// but to a client that asks for all that is new.
func (s *session) wantsFlags() bool {
	return s.notify == nil || s.notify.selected == 0 || s.notify.selected&flagChange != 0
}

// fetchNew tells of the last messages, which are new, what was to be fetched of
// such (RFC 5465 §5.2).
func (s *session) fetchNew(ctx context.Context, added uint32) error {
	if added == 0 || s.notify == nil || len(s.notify.fetch) == 0 {
		return nil
	}
	last := s.view.seen.count
	f := &fetcher{s: s, box: s.view.box, items: slices.Clone(s.notify.fetch)}
	return f.run(ctx, []wire.Range{{A: last - added + 1, B: last}})
}

// notifyNothing: NOTIFY NONE is no event of anything, the selected mailbox
// included (RFC 5465 §3.1), and not what was before the first NOTIFY.
func (s *session) notifyNothing() {
	s.closeNotify()
	s.notify = &notification{}
}

// closeNotify ends what NOTIFY SET began.
func (s *session) closeNotify() {
	if s.notify != nil && s.notify.directory != nil {
		s.srv.trees.put(s.notify.directory, s.notify)
	}
	s.notify = nil
}

// events are those asked for of a mailbox, the selected one aside.
func (n *notification) events(e *entry) (wanted event) {
	for _, g := range n.groups {
		if g.matches(e) {
			wanted |= g.events
		}
	}
	return wanted
}
