package imapd

// separator stands between the levels of a mailbox name.
const separator = "/"

// namespace: RFC 9051 §6.3.10. There is one: the account's own mailboxes.
func (s *session) namespace(c *call) error {
	if err := c.dec.End(); err != nil {
		return err
	}
	s.out.Raw(`* NAMESPACE (("" "/")) NIL NIL`).CRLF()
	return nil
}
