package imapd

import (
	"posthorn/imapd/wire"
	"posthorn/store"
)

// statusItems are what STATUS can tell of a mailbox (RFC 9051 §6.3.11; SIZE of
// RFC 8438, DELETED-STORAGE of RFC 9208 §4.1.4, APPENDLIMIT of RFC 7889).
var statusItems = map[string]func(*session, *call, store.Box) (int64, error){
	"MESSAGES":        func(_ *session, _ *call, b store.Box) (int64, error) { return b.Messages, nil },
	"UIDNEXT":         func(_ *session, _ *call, b store.Box) (int64, error) { return int64(b.UIDNext), nil },
	"UIDVALIDITY":     func(_ *session, _ *call, b store.Box) (int64, error) { return int64(b.UIDValidity), nil },
	"UNSEEN":          func(_ *session, _ *call, b store.Box) (int64, error) { return b.Unseen, nil },
	"DELETED":         func(_ *session, _ *call, b store.Box) (int64, error) { return b.Deleted, nil },
	"SIZE":            func(_ *session, _ *call, b store.Box) (int64, error) { return b.Size, nil },
	"APPENDLIMIT":     func(s *session, _ *call, _ store.Box) (int64, error) { return int64(s.srv.config.AppendLimit), nil },
	"RECENT":          (*session).countRecent,
	"DELETED-STORAGE": (*session).deletedStorage,
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
	m, err := s.srv.store.Mailbox(c.ctx, s.account, name)
	if err != nil {
		return err
	}
	box, err := m.Box(c.ctx)
	if err != nil {
		return err
	}
	return s.writeStatus(c, box, items)
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
	values := make([]int64, len(items))
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
		s.out.Raw(item).SP().Num(values[i])
	}
	s.out.Raw(")").CRLF()
	return nil
}

// countRecent counts the messages that no session has claimed as \Recent.
func (s *session) countRecent(c *call, box store.Box) (n int64, err error) {
	if box.FirstRecent >= box.UIDNext {
		return 0, nil
	}
	err = s.scan(c, box, func(r store.Row) {
		if r.UID >= box.FirstRecent {
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
	m, err := s.srv.store.Mailbox(c.ctx, s.account, box.Name)
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
	m, err := s.srv.store.Mailbox(c.ctx, s.account, box.Name)
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
