package imapd

import "strings"

// lsub: RFC 3501 §6.3.9. With % a level above a subscribed name is listed as
// \Noselect, though it is not subscribed itself.
func (s *session) lsub(c *call) error {
	c.dec.SP()
	reference := c.dec.Mailbox()
	c.dec.SP()
	p := pattern(reference, c.dec.Pattern())
	if err := c.dec.End(); err != nil {
		return err
	}
	t, err := s.tree(c)
	if err != nil {
		return err
	}
	percent := strings.HasSuffix(p, "%")
	for _, e := range t.entries {
		if !match(p, e.name) {
			continue
		}
		above := false
		for _, below := range e.below {
			above = above || below.subscribed
		}
		switch {
		case e.subscribed:
			s.out.Raw(`* LSUB () "/" `).Mailbox(e.name).CRLF()
		case above && percent:
			s.out.Raw(`* LSUB (\Noselect) "/" `).Mailbox(e.name).CRLF()
		}
	}
	return nil
}
