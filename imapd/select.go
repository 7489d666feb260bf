package imapd

import (
	"posthorn/store"
)

// selectCommand: RFC 9051 §6.3.2.
func (s *session) selectCommand(c *call) error { return s.open(c, false) }

// examine: RFC 9051 §6.3.3.
func (s *session) examine(c *call) error { return s.open(c, true) }

func (s *session) open(c *call, readOnly bool) error {
	c.dec.SP()
	name := c.dec.Mailbox()
	if err := c.dec.End(); err != nil {
		return err
	}
	if s.state == selected {
		s.closeView()
		s.state = member
		if s.rev2 {
			s.untagged("OK", "CLOSED", "The previous mailbox is closed")
		}
	}
	v, err := s.openView(c, canonical(name), readOnly)
	if err != nil {
		return err
	}
	s.greet(c, v)
	s.state = selected
	c.code = "READ-WRITE"
	if v.readOnly {
		c.code = "READ-ONLY"
	}
	return nil
}

// openView takes the mailbox's shared snapshot, which becomes s.view.
func (s *session) openView(c *call, name string, readOnly bool) (*view, error) {
	p, err := s.reach(c, name)
	if err != nil {
		return nil, err
	}
	v := &view{box: s.srv.boxes.take(p.Account, p.ID, p.handle), name: name}
	v.grant(p.Access, readOnly)
	s.view = v
	if v.seen, err = v.box.version(c.ctx); err != nil {
		s.closeView()
		return nil, err
	}
	return v, nil
}

// greet tells what is in the mailbox.
func (s *session) greet(c *call, v *view) {
	box := v.seen.box
	s.writeFlags(v.seen)
	s.out.Raw("* ").Num(int64(v.seen.count)).Raw(" EXISTS").CRLF()
	v.claim(c.ctx, s, 0)
	if n := v.seen.firstUnseen(); n > 0 && !s.rev2 {
		s.out.Raw("* OK [UNSEEN ").Num(int64(n)).Raw("] First unseen message").CRLF()
	}
	s.out.Raw("* OK [UIDVALIDITY ").Num(int64(box.UIDValidity)).Raw("] UIDs are valid").CRLF()
	s.out.Raw("* OK [UIDNEXT ").Num(int64(box.UIDNext)).Raw("] Predicted next UID").CRLF()
	s.writeMailboxID(box)
	if s.rev2 {
		s.out.Raw(`* LIST () "/" `).Mailbox(v.name).CRLF()
	}
}

// firstUnseen is the number of the first message without \Seen, or 0.
func (v *version) firstUnseen() (first uint32) {
	v.each(v.all(), func(n uint32, r store.Row) bool {
		if r.Flags&store.FlagSeen == 0 {
			first = n
		}
		return first == 0
	})
	return first
}
