package imapd

// noop is NOOP and CHECK (RFC 9051 §6.1.2, RFC 3501 §6.4.1): the session tells
// what is new, and everything is on disk already.
func (s *session) noop(c *call) error { return c.dec.End() }

// logout: RFC 9051 §6.1.3.
func (s *session) logout(c *call) error {
	if err := c.dec.End(); err != nil {
		return err
	}
	s.bye("", "Logging out")
	return nil
}
