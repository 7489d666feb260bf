package imapd

// unauthenticate: RFC 8437. The session is as it was before the login, with
// nothing enabled and the limits and times of a stranger; TLS and compression
// stay. It becomes a new session, so that nothing can be forgotten.
func (s *session) unauthenticate(c *call) error {
	if err := c.dec.End(); err != nil {
		return err
	}
	s.log.Info("unauthenticated")
	s.giveUp()
	next := newSession(s.ctx, s.srv, s.conn, s.peer.Channel)
	next.dec, next.out, next.scratch, next.faults = s.dec, s.out, s.scratch, s.faults
	*s = *next
	s.dec.Limits = strangerLimits
	s.switched()
	s.conn.stranger()
	c.code = "CAPABILITY " + s.capabilities()
	return nil
}
