package imapd

// separator stands between the levels of a mailbox name.
const separator = "/"

// namespace: RFC 9051 §6.3.10. There are the account's own mailboxes, and below
// Shared those of other users.
func (s *session) namespace(c *call) error {
	if err := c.dec.End(); err != nil {
		return err
	}
	s.out.Raw(`* NAMESPACE (("" "/")) (("` + sharedPrefix + `" "/")) NIL`).CRLF()
	return nil
}
