package imapd

import "strings"

// rename: RFC 9051 §6.3.6. The store moves the mail of INBOX and leaves it in
// place, and takes children along.
func (s *session) rename(c *call) error {
	c.dec.SP()
	from := canonical(c.dec.Mailbox())
	to, err := c.takeName()
	if err != nil {
		return err
	}
	return s.srv.store.RenameMailbox(c.ctx, s.account, from, strings.TrimSuffix(to, separator))
}
