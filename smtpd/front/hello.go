package front

import (
	"bytes"
	"slices"
	"strings"

	"posthorn/mail"
)

// maxHello is the longest name a client may give itself, as long as a domain.
const maxHello = 255

// runHello takes EHLO, HELO and LHLO. Any printable name is accepted: what clients
// call themselves is policy's to judge, and RFC 5321 §4.1.4 forbids refusing
// for it; but nothing may be in it that could break a header field.
func (c *Conn) runHello(cmd *command, arg string) error {
	name, _, _ := strings.Cut(arg, " ")
	if name == "" || len(name) > maxHello || mail.Clean(name) != name {
		c.say(mail.BadSyntax.With(cmd.verb + " needs the name of your host"))
		return nil
	}
	c.ended()
	verb := cmd.verb
	if verb == "LHLO" { // go-smtp knows of no LMTP: what differs is front's
		verb = "EHLO"
	}
	c.pass(cmd, verb, " ", name)
	return nil
}

// requireTLS tells whether the client may ask for REQUIRETLS: a wish that comes
// over a connection without TLS has been broken already (RFC 8689 §2). go-smtp,
// which sees no TLS, takes the parameter and offers nothing.
func (c *Conn) requireTLS() bool { return c.cfg.RequireTLS && c.tls != nil }

// protocol is what a listener speaks, as far as replies tell.
type protocol struct{ name, hello string }

func (c *Config) protocol() protocol {
	if c.LMTP {
		return protocol{"LMTP", "LHLO"}
	}
	return protocol{"ESMTP", "EHLO"}
}

// answerHello names this host and edits the list of keywords.
func (c *Conn) answerHello(code int, b []byte) error {
	cmd := c.asked
	c.asked = nil
	if code != 250 {
		return c.relay(code, b)
	}
	c.hello, c.esmtp = true, cmd.verb != "HELO"
	if !c.esmtp {
		c.out = append(c.out, "250 "+c.cfg.Hostname+"\r\n"...)
		return nil
	}
	words := []string{c.cfg.Hostname}
	for i, line := range bytes.Split(bytes.TrimSuffix(b, []byte(crlf)), []byte(crlf)) {
		keyword, _, _ := strings.Cut(string(line[4:]), " ")
		if i > 0 && !slices.Contains(c.cfg.Hide, keyword) {
			words = append(words, string(line[4:]))
		}
	}
	if c.cfg.TLS != nil && c.tls == nil {
		words = append(words, "STARTTLS")
	}
	if c.requireTLS() {
		words = append(words, "REQUIRETLS")
	}
	for i, w := range words {
		sep := "-"
		if i == len(words)-1 {
			sep = " "
		}
		c.out = append(c.out, "250"+sep+w+"\r\n"...)
	}
	return nil
}
