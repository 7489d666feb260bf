package imapd

import "strings"

// rename: RFC 9051 §6.3.6. The store moves the mail of INBOX and leaves it in
// place, and takes children along. A mailbox stays its owner's.
func (s *session) rename(c *call) error {
	c.dec.SP()
	from := canonical(c.dec.Mailbox())
	to, err := c.takeName()
	if err != nil {
		return err
	}
	to = strings.TrimSuffix(to, separator)
	p, err := s.reach(c, from)
	if err != nil {
		return err
	}
	owner, local, err := s.creatable(c, to)
	switch {
	case err != nil:
		return err
	case owner != p.Account:
		return no("CANNOT", "A mailbox cannot be given to another user")
	case p.local == "INBOX" && owner != s.account:
		return no("CANNOT", "INBOX of another user cannot be renamed")
	}
	err = s.srv.store.RenameMailbox(c.ctx, owner, p.local, local)
	if err == nil && p.local != "INBOX" {
		s.notify.renamed(from, to)
	}
	return s.conceal(c, to, err)
}
