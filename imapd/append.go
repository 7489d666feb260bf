package imapd

import (
	"fmt"
	"strconv"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// appendage is one message a client puts into a mailbox.
type appendage struct {
	flags    []string
	internal time.Time // zero: now
	size     int64     // as announced
	utf8     bool      // UTF8 (~{n} ...) of RFC 6855 §4
}

// appendCommand: RFC 9051 §6.3.12. Whatever speaks against it is said before
// the message is sent, if the client waits for that.
func (s *session) appendCommand(c *call) error {
	d := c.dec
	d.SP()
	name := canonical(d.Mailbox())
	d.SP()
	a := s.takeAppendage(c)
	if err := d.Err(); err != nil {
		return err
	}
	system, keywords, err := splitFlags(a.flags)
	if err != nil {
		return err
	}
	box, err := s.targetBox(c, name)
	if err != nil {
		return err
	}
	system, keywords = allowed(box.Rights, system, keywords)
	if err := s.room(c, box.Account, a.size); err != nil {
		return err
	}
	content, err := s.spool(d.Octets())
	defer content.Free()
	if d.Resume(); a.utf8 {
		d.Need(')')
	}
	if e := d.End(); e != nil {
		return e
	}
	if err != nil {
		return err
	}
	done, err := s.put(c, content, store.Incoming{
		Account: box.Account, Mailbox: box.ID, Internal: a.internal, Flags: system, Keywords: keywords,
	})
	if err != nil {
		return target(err)
	}
	c.code = fmt.Sprintf("APPENDUID %d %d", done.UIDValidity, done.UID)
	return nil
}

// takeAppendage takes what stands before the message, and the message's size.
func (s *session) takeAppendage(c *call) (a appendage) {
	d := c.dec
	if d.At('(') {
		a.flags = d.Flags()
		d.SP()
	}
	if d.At('"') {
		a.internal = d.DateTime()
		d.SP()
	}
	if d.At('U') || d.At('u') {
		a.utf8 = true
		if d.Word() != "UTF8" || !s.utf8 && !s.rev2 {
			d.Fail("expected a literal")
		}
		d.SP()
		d.Need('(')
	}
	a.size = d.Stream()
	return a
}

// room says no to a message that is too large or has no room in the quota.
func (s *session) room(c *call, owner store.AccountID, size int64) error {
	if limit := int64(s.srv.config.AppendLimit); size > limit {
		return no("TOOBIG", "A message can have "+strconv.FormatInt(limit, 10)+" octets at most")
	}
	a, err := s.srv.store.Account(c.ctx, owner)
	if err != nil {
		return err
	}
	if l := a.Limit; l.Bytes > 0 && a.Used.Bytes+size > l.Bytes || l.Messages > 0 && a.Used.Messages >= l.Messages {
		return store.ErrOverQuota
	}
	return s.srv.store.Space(size)
}

// appendLimit is the value of APPENDLIMIT= (RFC 7889 §3).
func (s *session) appendLimit() []string {
	return []string{strconv.FormatInt(int64(s.srv.config.AppendLimit), 10)}
}

// put makes content durable as one message.
func (s *session) put(c *call, content mail.Content, in store.Incoming) (store.Appended, error) {
	blob, err := s.srv.store.Put(c.ctx, &mail.Mail{QueueID: mail.NewID(), Content: content})
	if err != nil {
		return store.Appended{}, err
	}
	defer s.srv.store.Discard(blob)
	in.Blob = blob
	done, err := s.srv.store.Commit(c.ctx, store.Change{Append: []store.Incoming{in}})
	if err != nil {
		return store.Appended{}, err
	}
	if s.state == selected && s.view.box.id == in.Mailbox {
		s.view.box.touch()
	}
	return done.Appended[0], nil
}
