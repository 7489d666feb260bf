package front

import (
	"slices"
	"strconv"
	"strings"

	"posthorn/mail"
)

// params are the parameters of one MAIL or RCPT. Text is what go-smtp gets;
// front checks names, SIZE and BODY, go-smtp the values of the others.
type params struct {
	text string
	size int64
}

// known gives the parameters that may stand with a verb.
func (c *Conn) known(verb, name string) bool {
	switch name {
	case "SIZE", "BODY", "SMTPUTF8":
		return verb == "MAIL"
	case "REQUIRETLS":
		return verb == "MAIL" && c.requireTLS()
	case "AUTH":
		return verb == "MAIL" && c.cfg.Auth
	case "RET", "ENVID":
		return verb == "MAIL" && c.cfg.DSN
	case "NOTIFY", "ORCPT":
		return verb == "RCPT" && c.cfg.DSN
	}
	return false
}

// runMail checks MAIL. The path goes to go-smtp in one canonical form; the
// session takes it from Path.
func (c *Conn) runMail(cmd *command, arg string) error {
	path, rest, r := cutPath(arg, "FROM:", mail.BadSender)
	if r == nil && !path.IsNull() && path.Domain == "" {
		r = &mail.BadSender
	}
	if r == nil {
		r = c.parameters(cmd.verb, rest)
	}
	if r != nil {
		c.say(*r)
		return nil
	}
	c.path = path
	c.pass(cmd, "MAIL FROM:<", path.String(), ">", c.args.text)
	return nil
}

func (c *Conn) answerMail(code int, b []byte) error {
	c.asked = nil
	if code != 250 {
		return c.relay(code, b)
	}
	c.inMail, c.rcpts = true, 0
	c.setBusy(true)
	c.out = append(c.out, "250 2.1.0 Sender ok\r\n"...)
	return nil
}

// runRcpt checks RCPT. `<Postmaster>` stands for the postmaster of this host
// (RFC 5321 §4.5.1) and must be accepted; go-smtp gets it with a domain.
func (c *Conn) runRcpt(cmd *command, arg string) error {
	if c.guesses() {
		c.out = appendReply(c.out, mail.TooManyErrors)
		return nil
	}
	path, rest, r := cutPath(arg, "TO:", mail.BadRecipient)
	if r == nil && path.IsNull() {
		r = &mail.BadRecipient
	}
	if r == nil {
		r = c.parameters(cmd.verb, rest)
	}
	if r != nil {
		c.say(*r)
		return nil
	}
	c.path = path
	if path.Domain == "" {
		path.Domain = "localhost"
	}
	c.pass(cmd, "RCPT TO:<", path.String(), ">", c.args.text)
	return nil
}

func (c *Conn) answerRcpt(code int, b []byte) error {
	c.asked = nil
	if code != 250 {
		return c.relay(code, b)
	}
	c.rcpts++
	c.out = append(c.out, "250 2.1.5 Recipient ok\r\n"...)
	return nil
}

// cutPath takes `FROM:<path>` off a MAIL or RCPT. White space after the colon,
// and a path without brackets, are accepted as everyone does.
func cutPath(arg, keyword string, bad mail.Reply) (p mail.Path, rest string, refused *mail.Reply) {
	if len(arg) < len(keyword) || !strings.EqualFold(arg[:len(keyword)], keyword) {
		r := mail.BadSyntax.With("Expected " + keyword + "<address>")
		return p, "", &r
	}
	s := strings.TrimLeft(arg[len(keyword):], " \t")
	var inner string
	if strings.HasPrefix(s, "<") {
		end := pathEnd(s[1:], '>')
		if end < 0 {
			return p, "", &bad
		}
		inner, rest = s[1:1+end], s[end+2:]
	} else {
		end := pathEnd(s, ' ')
		if end < 0 {
			end = len(s)
		}
		inner, rest = s[:end], s[end:]
		if inner == "" {
			return p, "", &bad
		}
	}
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return p, "", &bad
	}
	p, err := mail.ParsePath(inner)
	if err != nil {
		return p, "", &bad
	}
	return p, rest, nil
}

// pathEnd finds the first end that is not within a quoted local part.
func pathEnd(s string, end byte) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == end && !quoted:
			return i
		}
	}
	return -1
}

// parameters reads esmtp-params (RFC 5321 §4.1.2) into c.args.
func (c *Conn) parameters(verb, s string) *mail.Reply {
	c.args.text = ""
	if verb == "MAIL" {
		c.args.size = 0
	}
	var room [8]string
	seen := room[:0]
	for f := range strings.FieldsSeq(s) {
		name, value, hasValue := strings.Cut(f, "=")
		name = strings.ToUpper(name)
		if !c.known(verb, name) {
			r := mail.BadParameter.With(name)
			return &r
		}
		flag := name == "SMTPUTF8" || name == "REQUIRETLS"
		if slices.Contains(seen, name) || hasValue == flag || strings.Contains(value, "=") {
			r := mail.BadSyntax.With("The parameter " + name + " is not written as it should be")
			return &r
		}
		seen = append(seen, name)
		if r := c.value(name, value); r != nil {
			return r
		}
		if name != "SIZE" {
			c.args.text += " " + f
		}
	}
	return nil
}

// value checks the values that go-smtp would judge otherwise. The size limit
// is inclusive.
func (c *Conn) value(name, value string) *mail.Reply {
	switch name {
	case "SIZE":
		n, err := strconv.ParseUint(value, 10, 63)
		if digits := strings.Trim(value, "0123456789") == ""; !digits || value == "" || len(value) > 20 {
			r := mail.BadSyntax.With("SIZE needs a number")
			return &r
		}
		if c.cfg.MaxSize > 0 && (err != nil || int64(n) > c.cfg.MaxSize) {
			r := mail.TooBig.With(c.cfg.MaxSize)
			return &r
		}
		c.args.size = int64(n)
	case "BODY":
		if !strings.EqualFold(value, "7BIT") && !strings.EqualFold(value, "8BITMIME") {
			r := mail.BadParameter.With("BODY=" + value)
			return &r
		}
	}
	return nil
}
