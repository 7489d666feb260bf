package imapd

import (
	"errors"
	"hash/maphash"
	"maps"
	"slices"

	"posthorn/store"
)

// entries is what there was of annotations: a hash of each value by its
// entry's full name. Clients are told names, never values (RFC 5464 §4.4.2).
type entries map[string]uint64

var entrySeed = maphash.MakeSeed()

func newEntries(all []store.Annotation) entries {
	e := make(entries, len(all))
	for _, a := range all {
		e[entryName(a)] = maphash.Bytes(entrySeed, a.Value)
	}
	return e
}

// changed are the names that came, changed or went until now.
func (e entries) changed(now entries) []string {
	names := map[string]bool{}
	for name, value := range e {
		if v, there := now[name]; !there || v != value {
			names[name] = true
		}
	}
	for name := range now {
		if _, there := e[name]; !there {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// rememberMetadata reads the annotations that are watched.
func (s *session) rememberMetadata(c *call, n *notification, t *tree) (err error) {
	n.entries = map[store.MailboxID]entries{}
	for _, e := range t.entries {
		if !e.exists || n.events(e)&mailboxMetadataChange == 0 || e.box.Annotated == 0 {
			continue
		}
		if n.entries[e.box.ID], err = s.entriesOf(c, e); err != nil {
			return err
		}
	}
	n.server, err = s.serverEntries(c, n)
	return err
}

// entriesOf reads a mailbox's annotations; one that was deleted meanwhile has
// none.
func (s *session) entriesOf(c *call, e *entry) (entries, error) {
	m, err := s.srv.store.MailboxByID(c.ctx, e.box.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := m.Metadata(c.ctx, s.account)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return newEntries(all), err
}

// serverEntries reads the server's annotations where a group watches them;
// which mailboxes it is for does not matter (RFC 5465 §5.7).
func (s *session) serverEntries(c *call, n *notification) (entries, error) {
	if !slices.ContainsFunc(n.groups, func(g eventGroup) bool { return g.events&serverMetadataChange != 0 }) {
		return nil, nil
	}
	all, err := s.srv.store.Metadata(c.ctx, s.account)
	return newEntries(all), err
}

// tellMetadata writes METADATA with the names of a mailbox's entries that
// changed (RFC 5465 §5.6).
func (s *session) tellMetadata(c *call, e *entry, old watched) error {
	n := s.notify
	if n.events(e)&mailboxMetadataChange == 0 || e.box.Annotated == old.annotated || e.rights&annotating == 0 {
		return nil
	}
	now, err := s.entriesOf(c, e)
	if err != nil {
		return err
	}
	s.writeEntries(e.name, n.entries[e.box.ID].changed(now))
	n.entries[e.box.ID] = now
	return nil
}

func (s *session) tellServerMetadata(c *call) error {
	now, err := s.serverEntries(c, s.notify)
	if err != nil {
		return err
	}
	s.writeEntries("", s.notify.server.changed(now))
	s.notify.server = now
	return nil
}

func (s *session) writeEntries(mailbox string, names []string) {
	if len(names) == 0 {
		return
	}
	s.out.Raw("* METADATA ").Mailbox(mailbox)
	for _, name := range names {
		s.out.SP().Raw(name)
	}
	s.out.CRLF()
}
