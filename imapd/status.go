package imapd

import (
	"slices"
	"strconv"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// statusItem gives the value of an item, in wire form.
type statusItem func(*session, *call, store.Box) (string, error)

// statusItems are what STATUS can tell of a mailbox (RFC 9051 §6.3.11; SIZE of
// RFC 8438, DELETED-STORAGE of RFC 9208 §4.1.4, APPENDLIMIT of RFC 7889,
// MAILBOXID of RFC 8474 §4.3, HIGHESTMODSEQ of RFC 7162 §3.1.7).
var statusItems = map[string]statusItem{
	"MESSAGES":        fact(func(_ *session, b store.Box) int64 { return b.Messages }),
	"UIDNEXT":         fact(func(_ *session, b store.Box) int64 { return int64(b.UIDNext) }),
	"UIDVALIDITY":     fact(func(_ *session, b store.Box) int64 { return int64(b.UIDValidity) }),
	"UNSEEN":          fact(func(_ *session, b store.Box) int64 { return b.Unseen }),
	"DELETED":         fact(func(_ *session, b store.Box) int64 { return b.Deleted }),
	"SIZE":            fact(func(_ *session, b store.Box) int64 { return b.Size }),
	"APPENDLIMIT":     fact(func(s *session, _ store.Box) int64 { return int64(s.srv.config.AppendLimit) }),
	"HIGHESTMODSEQ":   fact(func(_ *session, b store.Box) int64 { return int64(b.ModSeq) }),
	"MAILBOXID":       func(_ *session, _ *call, b store.Box) (string, error) { return "(" + mailboxID(b.ID) + ")", nil },
	"RECENT":          counted((*session).countRecent),
	"DELETED-STORAGE": counted((*session).deletedStorage),
}

// fact is an item that the mailbox's row has.
func fact(value func(*session, store.Box) int64) statusItem {
	return func(s *session, _ *call, b store.Box) (string, error) {
		return strconv.FormatInt(value(s, b), 10), nil
	}
}

// counted is an item for which messages are counted.
func counted(count func(*session, *call, store.Box) (int64, error)) statusItem {
	return func(s *session, c *call, b store.Box) (string, error) {
		n, err := count(s, c, b)
		return strconv.FormatInt(n, 10), err
	}
}

// status: RFC 9051 §6.3.11.
func (s *session) status(c *call) error {
	c.dec.SP()
	name := canonical(c.dec.Mailbox())
	c.dec.SP()
	items := takeStatusItems(c.dec)
	if err := c.dec.End(); err != nil {
		return err
	}
	p, err := s.reach(c, name)
	if err != nil {
		return err
	}
	s.useStatus(items)
	return s.writeStatus(c, p.Box, items)
}

// useStatus: to ask for HIGHESTMODSEQ enables CONDSTORE (RFC 7162 §3.1).
func (s *session) useStatus(items []string) {
	if slices.Contains(items, "HIGHESTMODSEQ") {
		s.useModSeq()
	}
}

// takeStatusItems takes a list of items, each of which is known.
func takeStatusItems(d *wire.Decoder) (items []string) {
	d.List(func() {
		item := d.Word()
		if statusItems[item] == nil {
			d.Fail("%q is not an item of STATUS", item)
		}
		items = append(items, item)
	})
	if len(items) == 0 {
		d.Fail("expected items of STATUS")
	}
	return items
}

func (s *session) writeStatus(c *call, box store.Box, items []string) error {
	values := make([]string, len(items))
	for i, item := range items {
		var err error
		if values[i], err = statusItems[item](s, c, box); err != nil {
			return err
		}
	}
	s.out.Raw("* STATUS ").Mailbox(box.Name).Raw(" (")
	for i, item := range items {
		if i > 0 {
			s.out.SP()
		}
		s.out.Raw(item).SP().Raw(values[i])
	}
	s.out.Raw(")").CRLF()
	return nil
}

// countRecent counts the messages that no session has claimed as \Recent.
func (s *session) countRecent(c *call, box store.Box) (n int64, err error) {
	m, err := s.srv.store.MailboxByID(c.ctx, box.ID)
	if err != nil {
		return 0, err
	}
	first, err := m.ClaimRecent(c.ctx, 0)
	if err != nil || first >= box.UIDNext {
		return 0, err
	}
	err = s.scan(c, box, func(r store.Row) {
		if r.UID >= first {
			n++
		}
	})
	return n, err
}

// deletedStorage is what EXPUNGE would free, in octets.
func (s *session) deletedStorage(c *call, box store.Box) (size int64, err error) {
	if box.Deleted == 0 {
		return 0, nil
	}
	var uids []store.UID
	err = s.scan(c, box, func(r store.Row) {
		if r.Flags&store.FlagDeleted != 0 {
			uids = append(uids, r.UID)
		}
	})
	if err != nil {
		return 0, err
	}
	m, err := s.srv.store.MailboxByID(c.ctx, box.ID)
	if err != nil {
		return 0, err
	}
	messages, err := m.Messages(c.ctx, uids)
	for _, msg := range messages {
		size += msg.Size
	}
	return size, err
}

func (s *session) scan(c *call, box store.Box, fn func(store.Row)) error {
	m, err := s.srv.store.MailboxByID(c.ctx, box.ID)
	if err != nil {
		return err
	}
	_, err = m.Rows(c.ctx, func(rows []store.Row) {
		for _, r := range rows {
			fn(r)
		}
	})
	return err
}
