package smtpd

import (
	"strings"

	"posthorn/message"
)

func isField(f message.Field, name string) bool { return strings.EqualFold(f.Name, name) }

// without gives the octets of the fields that drop does not name, and whether
// there were others.
func without(h message.Header, drop func(message.Field) bool) (kept []byte, dropped bool) {
	for _, f := range h.Fields() {
		if drop(f) {
			dropped = true
			continue
		}
		kept = append(kept, f.Raw...)
	}
	return kept, dropped
}
