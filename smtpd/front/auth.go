package front

import (
	"encoding/base64"
	"strings"

	"posthorn/mail"
)

// runAuth refuses AUTH where it is not offered and in the clear; what comes in
// the clear is not looked at (RFC 4954 §4, RFC 8314 §3).
func (c *Conn) runAuth(cmd *command, arg string) error {
	mech, initial, _ := strings.Cut(arg, " ")
	initial = strings.TrimSpace(initial)
	switch {
	case !c.cfg.Auth:
		c.say(mail.NotImplemented.With("AUTH"))
	case c.tls == nil:
		c.say(mail.AuthNeedsTLS)
	case c.authed:
		c.say(mail.BadSequence.With("You have logged in already"))
	case mech == "":
		c.say(mail.BadSyntax.With("AUTH needs a mechanism"))
	case initial != "" && !isBase64(initial):
		c.say(mail.AuthBase64)
	default:
		c.pass(cmd, "AUTH ", mech, " ", initial)
	}
	return nil
}

// isBase64 accepts what go-smtp will decode; "=" is the empty response.
func isBase64(s string) bool {
	if s == "=" {
		return true
	}
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil
}

// response reads the client's answer to a challenge. What cannot be one ends
// the exchange: go-smtp is told that the client cancelled, and its reply is
// replaced by the one that fits.
func (c *Conn) response() error {
	b, err := c.line(saslLimit)
	if err != nil && err != errTooLong {
		return err
	}
	c.mode = modeCommand
	s := strings.TrimRight(string(b), crlf)
	switch {
	case err == errTooLong:
		c.cancelled = &mail.Reply{}
	case s == "*":
		c.cancelled = &mail.AuthCancelled
	case !isBase64(s):
		c.cancelled = &mail.AuthBase64
	default:
		c.pass(c.asked, s)
		return nil
	}
	c.pass(c.asked, "*")
	return nil
}

func (c *Conn) answerAuth(code int, b []byte) error {
	if code == 334 {
		c.mode = modeSASL
		c.out = append(c.out, b...)
		c.asks = true
		return nil
	}
	c.asked = nil
	if r := c.cancelled; r != nil {
		c.cancelled = nil
		if r.Code != 0 {
			c.say(*r)
		}
		return nil
	}
	if code != 235 {
		return c.relay(code, b)
	}
	c.authed = true
	c.out = append(c.out, "235 2.7.0 Logged in\r\n"...)
	return nil
}
