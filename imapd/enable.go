package imapd

// enable: RFC 9051 §6.3.1. Names it does not know are passed over, and
// ENABLED has those only that this command switched on.
func (s *session) enable(c *call) error {
	var names []string
	for c.dec.SP(); ; c.dec.SP() {
		names = append(names, c.dec.Word())
		if !c.dec.At(' ') {
			break
		}
	}
	if err := c.dec.End(); err != nil {
		return err
	}
	s.out.Raw("* ENABLED")
	for _, name := range names {
		switch {
		case name == "IMAP4REV2" && !s.rev2:
			s.rev2 = true
			s.out.Raw(" IMAP4rev2")
		case name == "UTF8=ACCEPT" && !s.utf8:
			s.utf8 = true
			s.out.Raw(" UTF8=ACCEPT")
		}
	}
	s.out.CRLF()
	// Both mean UTF-8 in mailbox names and quoted strings (RFC 6855 §3,
	// RFC 9051 §5.1).
	s.out.UTF8, s.dec.UTF8 = s.rev2 || s.utf8, s.rev2 || s.utf8
	return nil
}
