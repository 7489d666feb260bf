package imapd

import "posthorn/store"

// replace is REPLACE and UID REPLACE (RFC 8508): APPEND of one message, and the
// one it takes the place of goes in the same commit. APPENDUID goes before the
// EXPUNGE response, so that a client learns what took its message's place
// before it loses it.
func (s *session) replace(c *call) error {
	c.dec.SP()
	set := c.dec.Set()
	c.dec.SP()
	a := &appender{s: s, c: c, name: canonical(c.dec.Mailbox())}
	defer a.discard()
	if err := c.dec.Err(); err != nil {
		return err
	}
	numbers, err := s.view.resolve(set, c.uid())
	if err != nil {
		return err
	}
	if a.replaces, err = s.only(c, s.view.seen.uids(numbers)); err != nil {
		return err
	}
	if err := a.message(); err != nil {
		return err
	}
	if err := c.dec.End(); err != nil {
		return err
	}
	done, err := a.commit()
	if err != nil {
		return err
	}
	s.untagged("OK", appendUID(done), "Replaced")
	return nil
}

// only gives the one message that a set named and that can be taken away.
func (s *session) only(c *call, uids []store.UID) (*store.Message, error) {
	switch {
	case len(uids) > 1:
		return nil, bad(c.name + " takes one message")
	case len(uids) == 0:
		return nil, errNoMessage
	case s.view.readOnly:
		return nil, errReadOnly
	}
	msgs, err := s.view.box.Messages(c.ctx, uids)
	if err != nil {
		return nil, err
	}
	if len(msgs) == 0 || !s.view.box.Has(c.ctx, uids[0]) {
		return nil, store.ErrExpunged
	}
	return &msgs[0], nil
}

var errNoMessage = no("", "There is no such message in the mailbox")
