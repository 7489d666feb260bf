package promise

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// desk is one person's work over IMAP in mailboxes that nobody else touches, one
// command after the other. So of every moment two states of these mailboxes are
// known, and one of them must be found: that before the command in flight, and
// that after it.
type desk struct {
	user, name string
	now        boxes           // what was answered
	then       boxes           // what is when the command in flight was done; nil: none is in flight
	asked      string          // that command
	at         string          // the mailbox that is selected
	past       map[uint32]bool // UIDVALIDITY of mailboxes that were deleted
}

// boxes are mailboxes by name.
type boxes map[string]*box

type box struct {
	validity uint32 // 0: not known yet
	next     uint32 // the least UID that a new message may have
	modseq   uint64
	papers   map[string]paper // by id
}

type paper struct {
	uid   uint32 // 0: not known yet
	flags string // sorted, apart by spaces
}

func newDesk(user string, n int) *desk {
	return &desk{user: user, name: fmt.Sprintf("Desk%02d", n), now: boxes{}, past: map[uint32]bool{}}
}

func newBox() *box { return &box{next: 1, papers: map[string]paper{}} }

func (all boxes) clone() boxes {
	c := maps.Clone(all)
	for name, b := range c {
		d := *b
		d.papers = maps.Clone(b.papers)
		c[name] = &d
	}
	return c
}

// atDesk works until the connection breaks.
func (l *Load) atDesk(ctx context.Context, c *conn, d *desk) error {
	s, err := l.login(c, d.user)
	if err == nil {
		err = l.settle(s, d)
	}
	for err == nil && ctx.Err() == nil {
		t := d.task(l)
		d.then, d.asked = t.then, t.command
		var all []response
		var tagged string
		all, tagged, err = s.do(t.command)
		switch {
		case l.count("IMAP "+t.name, err) == nil:
			for _, r := range all {
				tagged += "\n" + r.text
			}
			if t.learn != nil {
				t.learn(tagged)
			}
			if t.judge != nil {
				t.judge(all)
			}
			d.now = t.then
		case isRefusal(err):
			err = nil
			pause(ctx, 20*time.Millisecond)
		default:
			return err
		}
		d.then = nil
	}
	return err
}

func (l *Load) verifyDesk(d *desk) error {
	s, err := l.session(d.user)
	if err != nil {
		return err
	}
	defer s.Close()
	return l.settle(s, d)
}

// settle finds what is, holds it against what was answered and what was in
// flight, and goes on with it. It leaves the desk's first mailbox selected.
func (l *Load) settle(s *imap, d *desk) error {
	is := boxes{}
	all, _, err := s.do(fmt.Sprintf(`LIST "" "%s*"`, d.name))
	if err != nil {
		return err
	}
	for _, r := range all {
		name := strings.Trim(r.text[strings.LastIndexByte(r.text, ' ')+1:], `"`)
		m, err := s.look(name)
		if err != nil {
			return err
		}
		b := &box{validity: m.validity, next: m.next, modseq: m.modseq, papers: map[string]paper{}}
		for _, m := range m.messages {
			if !m.whole {
				l.problem("%s of %s: %s (UID %d) is not whole: %d octets", name, d.user, m.id, m.uid, m.octets)
			}
			if _, twice := b.papers[m.id]; twice {
				l.problem("%s of %s: %s is there twice, now as UID %d", name, d.user, m.id, m.uid)
			}
			b.papers[m.id] = paper{m.uid, m.flags}
		}
		is[name] = b
	}
	differs := d.differs(d.now, is)
	if differs != "" && d.then != nil {
		if after := d.differs(d.then, is); after != "" {
			differs += "; or after " + fmt.Sprintf("%.60q", d.asked) + ": " + after
		} else {
			differs = ""
		}
	}
	if differs != "" {
		l.problem("%s of %s: %s", d.name, d.user, differs)
	}
	for name, b := range d.now {
		if is[name] == nil || is[name].validity != b.validity {
			d.past[b.validity] = true
		}
	}
	for _, b := range is { // one that was renamed lives on
		delete(d.past, b.validity)
	}
	d.now, d.then, d.at = is, nil, ""
	if is[d.name] != nil {
		_, _, err = s.do("SELECT " + d.name)
		d.at = d.name
	}
	return err
}

// differs says how what is differs from what should be; "": it does not.
func (d *desk) differs(should, is boxes) string {
	for name := range is {
		if should[name] == nil {
			return name + " should not be there"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(should)) {
		if is[name] == nil {
			return name + " is not there"
		}
		if s := should[name].differs(is[name]); s != "" {
			return name + ": " + s
		}
		if d.past[is[name].validity] && should[name].validity == 0 {
			return fmt.Sprintf("%s: UIDVALIDITY %d was that of a mailbox that was deleted", name, is[name].validity)
		}
	}
	return ""
}

func (b *box) differs(is *box) string {
	switch {
	case b.validity != 0 && b.validity != is.validity:
		return fmt.Sprintf("UIDVALIDITY is %d, not %d", is.validity, b.validity)
	case is.next < b.next:
		return fmt.Sprintf("UIDNEXT is %d, not %d", is.next, b.next)
	case is.modseq < b.modseq:
		return fmt.Sprintf("HIGHESTMODSEQ is %d, not %d", is.modseq, b.modseq)
	}
	for id, p := range is.papers {
		was, ok := b.papers[id]
		switch {
		case !ok:
			return fmt.Sprintf("%s should not be there, as UID %d", id, p.uid)
		case was.uid != 0 && was.uid != p.uid:
			return fmt.Sprintf("%s has UID %d, not %d", id, p.uid, was.uid)
		case was.uid == 0 && p.uid < b.next:
			return fmt.Sprintf("%s is new and has UID %d, below %d", id, p.uid, b.next)
		case was.flags != p.flags:
			return fmt.Sprintf("%s has the flags (%s), not (%s)", id, p.flags, was.flags)
		}
	}
	for id := range b.papers {
		if _, ok := is.papers[id]; !ok {
			return id + " is not there"
		}
	}
	return ""
}
