package imapd

import (
	"errors"
	"strings"

	"posthorn/store"
)

// quotaRoot is the one quota root of an account (RFC 9208 §3.2): all its
// mailboxes count against it. An administrator names another account's with a
// separator and its login behind.
const quotaRoot = "Account"

// setsQuota: QUOTASET is offered to administrators (RFC 9208 §3.1.1).
func (s *session) setsQuota() bool { return s.admin }

// getQuota: RFC 9208 §4.1.1.
func (s *session) getQuota(c *call) error {
	c.dec.SP()
	root := c.dec.AString()
	if err := c.dec.End(); err != nil {
		return err
	}
	a, err := s.rooted(c, root)
	if err != nil {
		return err
	}
	return s.writeQuota(c, root, a)
}

// getQuotaRoot: RFC 9208 §4.1.2. What counts against another's quota has no root
// that its reader may see.
func (s *session) getQuotaRoot(c *call) error {
	p, err := s.takePlace(c)
	if err != nil {
		return err
	}
	me, err := s.srv.store.Account(c.ctx, s.account)
	if err != nil {
		return err
	}
	root, a := quotaRoot, me
	s.out.Raw("* QUOTAROOT ").Mailbox(p.Name)
	if p.Account != me.ID {
		if !me.Admin {
			s.out.CRLF()
			return nil
		}
		if a, err = s.srv.store.Account(c.ctx, p.Account); err != nil {
			return err
		}
		root += separator + a.Login
	}
	s.out.SP().String(root).CRLF()
	return s.writeQuota(c, root, a)
}

// rooted is the account of a quota root.
func (s *session) rooted(c *call, root string) (store.Account, error) {
	me, err := s.srv.store.Account(c.ctx, s.account)
	login, other := strings.CutPrefix(root, quotaRoot+separator)
	switch {
	case err != nil || root == quotaRoot || other && login == me.Login:
		return me, err
	case other && me.Admin:
		a, err := s.srv.store.AccountByLogin(c.ctx, login)
		if !errors.Is(err, store.ErrNotFound) {
			return a, err
		}
	}
	return me, no("NONEXISTENT", "There is no such quota root")
}

// setQuota: RFC 9208 §4.1.3. What it does not name has no limit from then on;
// mailboxes have the usual one.
func (s *session) setQuota(c *call) error {
	c.dec.SP()
	root := c.dec.AString()
	c.dec.SP()
	limits := map[string]int64{}
	c.dec.List(func() {
		resource := c.dec.Word()
		c.dec.SP()
		limits[resource] = c.dec.Number64()
	})
	if err := c.dec.End(); err != nil {
		return err
	}
	me, err := s.srv.store.Account(c.ctx, s.account)
	if err != nil {
		return err
	}
	if !me.Admin {
		return no("NOPERM", "Only an administrator sets quotas")
	}
	a, err := s.rooted(c, root)
	if err != nil {
		return err
	}
	a.Limit, a.Boxes = store.Quota{}, store.DefaultBoxes
	for resource, n := range limits {
		if n == 0 || n > maxQuota {
			return no("CANNOT", "That is not a limit that can be set")
		}
		switch resource {
		case "STORAGE":
			a.Limit.Bytes = n * 1024
		case "MESSAGE":
			a.Limit.Messages = n
		case "MAILBOX":
			a.Boxes = n
		default:
			return no("CANNOT", "There is no limit to set for that resource")
		}
	}
	if err := s.srv.store.SetLimits(c.ctx, a.ID, a.Limit, a.Boxes); err != nil {
		return err
	}
	return s.writeQuota(c, root, a)
}

// writeQuota tells use and limit of what is limited: STORAGE and
// ANNOTATION-STORAGE in units of 1,024 octets, MESSAGE and MAILBOX in numbers.
func (s *session) writeQuota(c *call, root string, a store.Account) error {
	boxes, err := s.srv.store.MailboxCount(c.ctx, a.ID)
	if err != nil {
		return err
	}
	annotations, err := s.srv.store.AnnotationsUsed(c.ctx, a.ID)
	if err != nil {
		return err
	}
	s.out.Raw("* QUOTA ").String(root).Raw(" (")
	first := true
	for _, r := range []struct {
		name        string
		used, limit int64
	}{
		{"STORAGE", kibi(a.Used.Bytes), kibi(a.Limit.Bytes)},
		{"MESSAGE", a.Used.Messages, a.Limit.Messages},
		{"MAILBOX", boxes, a.Boxes},
		{"ANNOTATION-STORAGE", kibi(annotations), kibi(store.AnnotationStorage)},
	} {
		if r.limit == 0 {
			continue
		}
		if !first {
			s.out.SP()
		}
		first = false
		s.out.Raw(r.name).SP().Num(r.used).SP().Num(r.limit)
	}
	s.out.Raw(")").CRLF()
	return nil
}

// kibi rounds octets up to units of 1,024.
func kibi(n int64) int64 { return (n + 1023) / 1024 }
