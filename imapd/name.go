package imapd

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// canonical is a mailbox name as the store has it: NFC, and INBOX in capitals
// (RFC 9051 §5.1), also where it is the parent of others.
func canonical(name string) string {
	name = norm.NFC.String(name)
	first, rest, deeper := strings.Cut(name, separator)
	if !strings.EqualFold(first, "INBOX") {
		return name
	}
	if !deeper {
		return "INBOX"
	}
	return "INBOX" + separator + rest
}

// takeName takes the one mailbox name that is a command's whole argument.
func (c *call) takeName() (string, error) {
	c.dec.SP()
	name := c.dec.Mailbox()
	return canonical(name), c.dec.End()
}
