package imapd

// deleteCommand: RFC 9051 §6.3.5.
func (s *session) deleteCommand(c *call) error {
	name, err := c.takeName()
	if err != nil {
		return err
	}
	p, err := s.reach(c, name)
	if err != nil {
		return err
	}
	if p.local == "INBOX" {
		return no("CANNOT", "INBOX cannot be deleted")
	}
	err = s.srv.store.DeleteMailbox(c.ctx, p.Account, p.local)
	if err == nil {
		s.notify.deleted(p.ID)
	}
	return err
}
