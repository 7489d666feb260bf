package imapd

// closeCommand: RFC 9051 §6.4.1. What has \Deleted goes without a word, unless
// the mailbox was opened read-only.
func (s *session) closeCommand(c *call) error {
	if err := c.dec.End(); err != nil {
		return err
	}
	if v := s.view; !v.readOnly && !v.gone {
		may, err := s.mayExpunge(c)
		if err == nil && may {
			_, err = v.box.Expunge(c.ctx, nil, false)
		}
		if err != nil {
			return err
		}
	}
	return s.unselect(c)
}

// unselect: RFC 9051 §6.4.2.
func (s *session) unselect(c *call) error {
	if err := c.dec.End(); err != nil {
		return err
	}
	s.closeView()
	s.state = member
	return nil
}
