package imapd

import (
	"errors"

	"posthorn/store"
)

// multisearch is ESEARCH (RFC 7377 §2): one program in any number of mailboxes,
// with a response for each in which something was found. Mailboxes that are not
// there, or may not be read, have nothing in them.
func (s *session) multisearch(c *call) error {
	c.dec.SP()
	p := parser{d: c.dec, utf8: s.utf8}
	from := searchSource{selected: true}
	word := p.word()
	if word == "IN" {
		c.dec.SP()
		from = takeSource(c.dec)
		c.dec.SP()
		word = p.word()
	}
	want, key := p.programOf(word)
	if err := c.dec.End(); err != nil {
		return err
	}
	if err := from.allows(s, &p, want); err != nil {
		return err
	}
	if from.onlySelected() && s.state == selected {
		found, err := s.find(c, &p, want, key, nil)
		if err == nil && len(found) > 0 && !want.silent() {
			s.writeExtended(c, s.view, want, found)
		}
		return err
	}
	if p.err != nil {
		return p.err
	}
	names, err := from.resolve(s, c)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.searchIn(c, name, want, key); err != nil {
			return err
		}
	}
	return nil
}

// searchIn searches one mailbox: the selected one as the client knows it,
// another as it is.
func (s *session) searchIn(c *call, name string, want results, key node) error {
	v := s.view
	if s.state != selected || v.gone || v.name != name {
		p, err := s.reachFor(c, name, store.RightRead)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, errNotPermitted) {
			return nil
		}
		if err != nil {
			return err
		}
		b := s.srv.boxes.take(p.Account, p.ID, p.handle)
		defer s.srv.boxes.put(b)
		v = &view{box: b, name: name}
		if v.seen, err = b.version(c.ctx); errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
	}
	f := finder{s: s, box: v.box, seen: v.seen, key: bind(key, v)}
	if f.among = f.span(); s.exceeds(amount(f.among)) {
		return s.tooMany()
	}
	found, err := f.run(c.ctx)
	if err == nil && len(found) > 0 {
		s.writeExtended(c, v, want, found)
	}
	return err
}
