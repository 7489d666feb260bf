package imapd

import "strings"

// capability: RFC 9051 §6.1.1.
func (s *session) capability(c *call) error {
	if err := c.dec.End(); err != nil {
		return err
	}
	s.out.Raw("* CAPABILITY ").Raw(s.capabilities()).CRLF()
	return nil
}

// capabilities is the extension table as it stands for this session now.
func (s *session) capabilities() string {
	var words []string
	for _, x := range s.srv.extensions {
		switch {
		case x.values != nil:
			for _, v := range x.values(s) {
				words = append(words, string(x.capability)+v)
			}
		case x.offered == nil || x.offered(s):
			words = append(words, string(x.capability))
		}
	}
	return strings.Join(words, " ")
}
