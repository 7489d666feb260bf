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

	dirty    atomic.Bool // a commit touched one of accounts
	accounts []store.AccountID
	stop     func() // of the watch over accounts
	told     map[store.MailboxID]watched
	names    map[string]bool // subscribed names
	entries  map[store.MailboxID]entries
	server   entries
}

// eventGroup is one group but SELECTED.
type eventGroup struct {
	filter string
	names  []string // of SUBTREE and MAILBOXES
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
		s.closeNotify()
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

// notifyTaker takes groups of events from a command.
type notifyTaker struct {
	d        *wire.Decoder
	n        *notification
	selected bool   // there was a SELECTED
	strange  bool   // an event that is not here was asked for
	wrong    string // what is wrong beyond the syntax
}

// group takes `(filter [names] events)`.
func (t *notifyTaker) group() {
	d := t.d
	d.Need('(')
	g := eventGroup{filter: d.Word()}
	switch g.filter {
	case "SELECTED", "SELECTED-DELAYED":
		d.SP()
		t.selectedGroup(g.filter == "SELECTED-DELAYED")
		d.Need(')')
		return
	case "SUBTREE", "MAILBOXES":
		d.SP()
		g.names = t.mailboxes()
	case "INBOXES", "PERSONAL", "SUBSCRIBED":
	default:
		d.Fail("%q is no choice of mailboxes", g.filter)
	}
	d.SP()
	g.events = t.events(false)
	d.Need(')')
	if g.events != 0 {
		t.n.groups = append(t.n.groups, g)
	}
}

func (t *notifyTaker) selectedGroup(delayed bool) {
	e := t.events(true)
	switch {
	case t.selected:
		t.wrong = "Only one group can be of the selected mailbox"
	case e&^messageEvents != 0:
		t.wrong = "The selected mailbox has events of messages only"
	}
	t.selected = true
	t.n.selected, t.n.delayed = e, delayed
}

func (t *notifyTaker) mailboxes() (names []string) {
	one := func() { names = append(names, canonical(t.d.Mailbox())) }
	if t.d.At('(') {
		t.d.List(one)
		if len(names) == 0 {
			t.d.Fail("expected mailboxes")
		}
		return names
	}
	one()
	return names
}

// events takes NONE or a list. fetch allows what is to be fetched of new
// messages behind MessageNew.
func (t *notifyTaker) events(fetch bool) (e event) {
	if !t.d.At('(') {
		if t.d.Word() != "NONE" {
			t.d.Fail("expected events or NONE")
		}
		return 0
	}
	empty, annotations := true, false
	var last event
	t.d.List(func() {
		if t.d.At('(') && fetch && last == messageNew {
			t.n.fetch = takeFetchItems(t.d)
			last = 0
			return
		}
		empty = false
		name := t.d.Word()
		last = t.event(name)
		e |= last
		annotations = annotations || name == annotationChange
	})
	if empty {
		t.d.Fail("expected events")
	}
	if both := e & (messageNew | messageExpunge); both == messageNew || both == messageExpunge || both == 0 && (e&flagChange != 0 || annotations) {
		t.wrong = "MessageNew and MessageExpunge go together, and FlagChange with both"
	}
	return e
}

func (t *notifyTaker) event(name string) event {
	for _, e := range events {
		if strings.EqualFold(e.name, name) {
			return e.event
		}
	}
	if name != annotationChange {
		t.d.Fail("%q is no event", name)
	}
	t.strange = true
	return 0
}

// notifyBegin puts a notification in the place of the one before.
func (s *session) notifyBegin(c *call, n *notification, status bool) error {
	t, err := s.watchAll(c, n)
	if err != nil {
		n.end()
		return err
	}
	if n.remember(t); len(n.told) > notifyBoxes {
		n.end()
		return no("NOTIFICATIONOVERFLOW", "That is more than this server watches for one client")
	}
	if err := s.rememberMetadata(c, n, t); err != nil {
		n.end()
		return err
	}
	s.closeNotify()
	s.notify = n
	for _, e := range t.entries {
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

// wantsFlags: no FlagChange for the selected mailbox, no FETCH of changed flags.
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

// closeNotify ends what NOTIFY SET began.
func (s *session) closeNotify() {
	if s.notify != nil {
		s.notify.end()
		s.notify = nil
	}
}

func (n *notification) end() {
	if n.stop != nil {
		n.stop()
	}
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

// matches: RFC 5465 §6. Filters of Sieve can put mail into any mailbox, so
// INBOXES is PERSONAL (§6.3).
func (g eventGroup) matches(e *entry) bool {
	switch g.filter {
	case "INBOXES", "PERSONAL":
		return !strings.HasPrefix(e.name, sharedPrefix)
	case "SUBSCRIBED":
		return e.subscribed
	case "MAILBOXES":
		return slices.Contains(g.names, e.name)
	default: // "SUBTREE"
		return slices.ContainsFunc(g.names, func(name string) bool {
			return e.name == name || strings.HasPrefix(e.name, name+separator)
		})
	}
}
