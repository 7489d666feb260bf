package imapd

// mayStartTLS: not inside compression, which UNAUTHENTICATE leaves on. What was
// inflated from octets in the clear would be read as if it had come by TLS.
func (s *session) mayStartTLS() bool {
	return s.srv.tls != nil && !s.peer.TLS && s.state == stranger && s.conn.deflate == nil
}

// startTLS: RFC 9051 §6.2.1. The handshake follows the tagged OK; what the
// client sent in the clear behind the command is never looked at.
func (s *session) startTLS(c *call) error {
	if err := c.dec.End(); err != nil {
		return err
	}
	if s.peer.TLS {
		return bad("TLS is active already")
	}
	if s.srv.tls == nil {
		return bad("TLS is not available here")
	}
	if s.conn.deflate != nil {
		return bad("TLS begins before compression (RFC 4978)")
	}
	c.text = "Begin TLS negotiation now"
	c.after = func() error {
		if err := s.flush(); err != nil {
			return err
		}
		channel, err := s.conn.startTLS(s.srv.tls)
		s.peer.TLS, s.peer.Channel = true, channel
		return err
	}
	return nil
}
