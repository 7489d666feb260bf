package imapd

import (
	"errors"
	"strings"

	"posthorn/store"
)

// ACL (RFC 4314). An identifier is a login of this server in full, or anyone;
// "-" before it takes rights away. There are no groups. \Seen is one flag for
// all who read a mailbox.

// aclRights is the value of RIGHTS=: the rights RFC 2086 did not have (RFC 4314
// §1).
func (s *session) aclRights() []string { return []string{"kxte"} }

// setACL: RFC 4314 §3.1.
func (s *session) setACL(c *call) error {
	name, identifier := c.takeSubject()
	c.dec.SP()
	letters := c.dec.AString()
	if err := c.dec.End(); err != nil {
		return err
	}
	op, said := store.RightsSet, letters
	if rest, ok := strings.CutPrefix(letters, "+"); ok {
		op, letters = store.RightsAdd, rest
	} else if rest, ok := strings.CutPrefix(letters, "-"); ok {
		op, letters = store.RightsRemove, rest
	}
	rights, err := store.ParseRights(letters)
	if err != nil {
		return bad("There is no such right")
	}
	return s.changeACL(c, name, identifier, op, rights, said)
}

// deleteACL: RFC 4314 §3.2. The owner is left the right to change the list.
func (s *session) deleteACL(c *call) error {
	name, identifier := c.takeSubject()
	if err := c.dec.End(); err != nil {
		return err
	}
	return s.changeACL(c, name, identifier, store.RightsSet, 0, "")
}

// changeACL changes the list; said is the letters that the client sent.
func (s *session) changeACL(c *call, name, subject string, op store.RightsOp, rights store.Rights, said string) error {
	p, err := s.reach(c, name)
	if err != nil {
		return err
	}
	identifier, negative := strings.CutPrefix(subject, "-")
	err = p.handle.SetACL(c.ctx, identifier, negative, op, rights)
	if errors.Is(err, store.ErrNotFound) {
		err = errIdentifier
	}
	if err == nil { // the operator has no other way to learn who opened what to whom
		s.log.Info("rights changed", "mailbox", name, "identifier", subject, "rights", said)
	}
	return err
}

var errIdentifier = no("CANNOT", "There is no user of that name; groups are not supported")

// takeSubject takes a mailbox and an identifier.
func (c *call) takeSubject() (name, identifier string) {
	c.dec.SP()
	name = canonical(c.dec.Mailbox())
	c.dec.SP()
	return name, c.dec.AString()
}

// getACL: RFC 4314 §3.3.
func (s *session) getACL(c *call) error {
	p, err := s.takePlace(c)
	if err != nil {
		return err
	}
	all, err := p.handle.ACL(c.ctx)
	if err != nil {
		return err
	}
	s.out.Raw("* ACL ").Mailbox(p.Name)
	for _, g := range all {
		identifier := g.Identifier
		if g.Negative {
			identifier = "-" + identifier
		}
		s.out.SP().String(identifier).SP().Raw(g.Rights.String())
	}
	s.out.CRLF()
	return nil
}

// listRights: RFC 4314 §3.4. None is tied to another; the owner always has the
// right to change the list.
func (s *session) listRights(c *call) error {
	name, identifier := c.takeSubject()
	if err := c.dec.End(); err != nil {
		return err
	}
	p, err := s.reach(c, name)
	if err != nil {
		return err
	}
	always := store.Rights(0)
	plain, negative := strings.CutPrefix(identifier, "-")
	if plain != store.Anyone {
		a, err := s.srv.store.AccountByLogin(c.ctx, plain)
		if errors.Is(err, store.ErrNotFound) {
			return errIdentifier
		}
		if err != nil {
			return err
		}
		if a.ID == p.Account && !negative {
			always = store.RightAdmin
		}
	}
	s.out.Raw("* LISTRIGHTS ").Mailbox(name).SP().String(identifier).SP().String(always.Letters())
	for _, r := range (store.AllRights &^ always).String() {
		s.out.SP().Raw(string(r))
	}
	s.out.CRLF()
	return nil
}

// myRights: RFC 4314 §3.5.
func (s *session) myRights(c *call) error {
	p, err := s.takePlace(c)
	if err != nil {
		return err
	}
	s.writeMyRights(p.Name, p.Rights)
	return nil
}

func (s *session) writeMyRights(name string, rights store.Rights) {
	s.out.Raw("* MYRIGHTS ").Mailbox(name).SP().Raw(rights.String()).CRLF()
}
