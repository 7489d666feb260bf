package smtpd

import (
	"crypto/tls"
	"net/netip"
	"strings"
	"time"

	"posthorn/message"
)

// received is the trace field of RFC 5321 §4.4. It names the recipient only
// where there is one: others are nobody's business (§7.2). Of submitted mail it
// tells neither address nor name of the client's machine.
func (s *session) received(tx *transaction) []byte {
	b := make([]byte, 0, 512)
	add := func(words ...string) {
		for _, w := range words {
			b = append(b, w...)
		}
	}
	add("Received: ")
	if s.role != Submission {
		add("from ", host(s.hello()), " (", s.address, ")\r\n\t")
	}
	add("by ", s.Hostname, " with ", s.protocol(tx.UTF8), " id ", tx.id)
	if t := s.conn.TLS(); t != nil {
		add("\r\n\t(", strings.ReplaceAll(tls.VersionName(t.Version), " ", ""), " ", tls.CipherSuiteName(t.CipherSuite), ")")
	}
	if len(tx.To) == 1 {
		add("\r\n\tfor <", tx.To[0].Path.String(), ">")
	}
	add(";\r\n\t")
	b = time.Now().AppendFormat(b, message.DateFormat)
	add("\r\n")
	return b
}

// protocol is the with-keyword (RFC 3848, RFC 6531 §4.3).
func (s *session) protocol(utf8 bool) string {
	p := "ESMTP"
	switch {
	case !s.conn.ESMTP():
		return "SMTP"
	case s.role == LMTP && utf8:
		p = "UTF8LMTP"
	case s.role == LMTP:
		p = "LMTP"
	case utf8:
		p = "UTF8SMTP"
	}
	if s.conn.TLS() != nil {
		p += "S"
	}
	if s.login != nil {
		p += "A"
	}
	return p
}

// peer is the client for logs and reports.
func (s *session) peer() string { return host(s.hello()) + " " + s.address }

// host makes a client's name for itself fit for a header field and a log: what
// cannot stand in a name or an address literal becomes a question mark.
func host(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.ContainsRune("-._:[]", c), c >= 0x80:
			return c
		}
		return '?'
	}, name)
}

// literal is an address literal (RFC 5321 §4.1.3). Only a socket of this machine
// has no address.
func literal(a netip.Addr) string {
	switch {
	case !a.IsValid():
		return "localhost"
	case a.Is6():
		return "[IPv6:" + a.String() + "]"
	}
	return "[" + a.String() + "]"
}
