package imapd

import (
	"errors"
	"maps"
	"slices"

	"posthorn/store"
)

// watched is what a client was told of a mailbox.
type watched struct {
	name     string
	role     store.Role
	messages int64
	next     store.UID
	modSeq   store.ModSeq

	annotated int64
}

func newWatched(name string, b store.Box) watched {
	return watched{name, b.Role, b.Messages, b.UIDNext, b.ModSeq, b.Annotated}
}

// remember makes t what the client has been told, and gives how many mailboxes
// are watched: what others share does not count where it is not asked for.
func (n *notification) remember(t *tree) (watching int) {
	n.seen = t
	n.told, n.names = map[store.MailboxID]watched{}, map[string]bool{}
	for _, e := range t.entries {
		if e.exists {
			if n.events(e) != 0 {
				watching++
			}
			n.told[e.box.ID] = newWatched(e.name, e.box)
			if !e.rights.Has(needs["STATUS"]) { // nothing was told of its messages
				n.told[e.box.ID] = watched{name: e.name, annotated: e.box.Annotated}
			}
		}
		if e.subscribed {
			n.names[e.name] = true
		}
	}
	return watching
}

// look tells what happened in the mailboxes that are watched.
func (s *session) look(c *call) error {
	n := s.notify
	if n.directory == nil || !n.dirty.Swap(false) {
		return nil
	}
	t, err := n.directory.tree(c.ctx)
	if err != nil {
		n.dirty.Store(true)
		return err
	}
	if t == n.seen {
		return nil
	}
	told, names := n.told, n.names
	if n.remember(t) > notifyBoxes {
		s.notifyNothing() // RFC 5465 §5.8
		s.untagged("OK", "NOTIFICATIONOVERFLOW", "More mailboxes than this server watches for one client")
		return nil
	}
	for _, e := range t.entries {
		old, known := told[e.box.ID]
		s.tellName(e, old, known, names[e.name])
		if e.exists {
			if err := errors.Join(s.tellStatus(c, e, old), s.tellMetadata(c, e, old)); err != nil {
				return err
			}
		}
	}
	s.tellGone(t, told, names)
	return s.tellServerMetadata(c)
}

// tellName writes LIST where a name came, changed, or was subscribed or
// unsubscribed (RFC 5465 §5.4, §5.5). What chose it before counts as what does
// now.
func (s *session) tellName(e *entry, old watched, known, subscribed bool) {
	before := &entry{name: e.name, subscribed: subscribed, box: store.Box{Role: old.role}}
	renamed := e.exists && known && old.name != e.name
	if renamed {
		before.name = old.name
	}
	wanted := s.notify.events(e) | s.notify.events(before)
	switch {
	case wanted&mailboxName != 0 && renamed:
		s.writeName(e, old.name)
	case wanted&mailboxName != 0 && e.exists && !known, wanted&subscriptionChange != 0 && e.subscribed != subscribed:
		s.writeName(e, "")
	}
}

func (s *session) writeName(e *entry, oldName string) {
	s.out.Raw("* LIST ").List((&listing{subscribed: true}).attributes(e)).Raw(` "/" `).Mailbox(e.name)
	if oldName != "" {
		s.out.Raw(` ("OLDNAME" (`).Mailbox(oldName).Raw("))")
	}
	s.out.CRLF()
}

// tellStatus writes STATUS where messages came, went or changed, unless the
// mailbox is selected (RFC 5465 §5.1 to §5.3).
func (s *session) tellStatus(c *call, e *entry, old watched) error {
	wanted := s.notify.events(e)
	moved := e.box.UIDNext != old.next || e.box.Messages != old.messages
	switch {
	case s.isSelected(e.box.ID) || !e.rights.Has(needs["STATUS"]):
	case old.name == "" && e.box.Messages == 0: // an empty mailbox that is new
	case wanted&(messageNew|messageExpunge) != 0 && moved, wanted&flagChange != 0 && e.box.ModSeq != old.modSeq:
		return s.writeStatus(c, e.box, s.notifyItems(wanted))
	}
	return nil
}

// tellGone writes LIST for mailboxes, and subscribed names, that are no more.
func (s *session) tellGone(t *tree, told map[store.MailboxID]watched, names map[string]bool) {
	left := map[string]*entry{}
	for _, e := range t.entries {
		left[e.name] = e
	}
	gone := map[string]bool{}
	for id, old := range told {
		_, there := s.notify.told[id]
		if there || s.notify.events(&entry{name: old.name, subscribed: names[old.name], box: store.Box{Role: old.role}})&mailboxName == 0 {
			continue
		}
		if e := left[old.name]; e == nil || !e.exists { // else tellName spoke of the new one
			gone[old.name] = true
		}
	}
	for name := range names {
		if left[name] == nil && s.notify.events(&entry{name: name, subscribed: true})&subscriptionChange != 0 {
			gone[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(gone)) {
		e := left[name]
		if e == nil {
			e = &entry{name: name}
		}
		s.writeName(e, "")
	}
}

// notifyItems are those of an unsolicited STATUS (RFC 5465 §5.1 to §5.3).
func (s *session) notifyItems(wanted event) []string {
	items := []string{"UIDNEXT", "MESSAGES", "UIDVALIDITY"}
	if wanted&flagChange != 0 {
		items = append(items, "UNSEEN")
	}
	if wanted&flagChange != 0 || s.condstore {
		items = append(items, "HIGHESTMODSEQ")
	}
	return items
}

func (s *session) isSelected(id store.MailboxID) bool {
	return s.state == selected && s.view.box.id == id
}
