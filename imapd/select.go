package imapd

import (
	"posthorn/imapd/wire"
	"posthorn/store"
)

// selectCommand: RFC 9051 §6.3.2.
func (s *session) selectCommand(c *call) error { return s.open(c, false) }

// examine: RFC 9051 §6.3.3.
func (s *session) examine(c *call) error { return s.open(c, true) }

// selection is what a SELECT asks for.
type selection struct {
	name     string
	readOnly bool
	modSeqs  bool    // CONDSTORE was there
	resync   *resync // nil: the client takes the mailbox as new
}

// selectParameters are what may stand in parentheses behind the name (RFC 4466
// §2.1), by what takes their arguments.
var selectParameters = map[string]func(s *session, c *call, o *selection){
	"CONDSTORE": func(_ *session, _ *call, o *selection) { o.modSeqs = true }, // RFC 7162 §3.1.8
	"QRESYNC":   func(s *session, c *call, o *selection) { o.resync = s.takeResync(c.dec) },
}

func (s *session) takeSelection(c *call) (o selection, err error) {
	c.dec.SP()
	o.name = c.dec.Mailbox()
	given := map[string]bool{}
	if c.dec.TakeSP() {
		c.dec.List(func() {
			word := c.dec.Word()
			take, ok := selectParameters[word]
			if !ok || given[word] {
				c.dec.Fail("%q is not a parameter of %s here", word, c.name)
				return
			}
			given[word] = true
			take(s, c, &o)
		})
		if len(given) == 0 {
			c.dec.Fail("expected a parameter")
		}
	}
	return o, c.dec.End()
}

func (s *session) open(c *call, readOnly bool) error {
	o, err := s.takeSelection(c)
	if err != nil {
		return err
	}
	if o.modSeqs {
		s.useModSeq()
	}
	if s.state == selected {
		s.closeView()
		s.state = member
		s.untagged("OK", "CLOSED", "The previous mailbox is closed") // RFC 9051 §7.1, RFC 7162 §3.2.11
	}
	v, err := s.openView(c, canonical(o.name), readOnly)
	if err != nil {
		return err
	}
	q := o.resync
	var gone []wire.Range
	if q != nil && q.validity == v.seen.box.UIDValidity {
		if gone, err = q.gone(c, v); err != nil {
			s.closeView()
			return err
		}
	}
	s.greet(c, v)
	if q != nil && q.validity == v.seen.box.UIDValidity {
		s.writeVanished("(EARLIER) ", gone)
		s.writeSince(v, q)
	}
	v.told, v.vanished = 0, false
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
	if v.seen, err = v.box.versionAt(c.ctx, p.Box); err != nil {
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
	if n := v.seen.firstUnseen(); n > 0 && !s.rev2 && !s.uidOnly {
		s.out.Raw("* OK [UNSEEN ").Num(int64(n)).Raw("] First unseen message").CRLF()
	}
	s.out.Raw("* OK [UIDVALIDITY ").Num(int64(box.UIDValidity)).Raw("] UIDs are valid").CRLF()
	s.out.Raw("* OK [UIDNEXT ").Num(int64(box.UIDNext)).Raw("] Predicted next UID").CRLF()
	s.untagged("OK", highestModSeq(box.ModSeq), "Highest") // always: clients take its absence for NOMODSEQ
	s.writeMailboxID(box)
	if s.rev2 {
		s.out.Raw(`* LIST () "/" `).Mailbox(v.name).CRLF()
	}
}

// firstUnseen is the number of the first message without \Seen, or 0. It is
// looked for once.
func (v *version) firstUnseen() (first uint32) {
	if known := v.unseen.Load(); known > 0 {
		return known - 1
	}
	defer func() { v.unseen.Store(first + 1) }()
	v.each(v.all(), func(n uint32, r store.Row) bool {
		if r.Flags&store.FlagSeen == 0 {
			first = n
		}
		return first == 0
	})
	return first
}
