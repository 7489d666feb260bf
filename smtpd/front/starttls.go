package front

import (
	"context"
	"time"

	"posthorn/internal/serve"
	"posthorn/mail"
)

// runStartTLS begins TLS (RFC 3207). What the client sent in the clear behind
// the command is dropped unread (CVE-2011-0411 and its kin), and all it had
// said is forgotten: it must say EHLO again (§4.2), upon which go-smtp resets
// its session. No login can precede: AUTH is refused in the clear.
func (c *Conn) runStartTLS(_ *command, _ string) error {
	switch {
	case c.tls != nil:
		c.say(mail.TLSActive)
		return nil
	case c.cfg.TLS == nil:
		c.say(mail.TLSUnavailable)
		return nil
	}
	c.out = append(c.out, "220 2.0.0 Go ahead\r\n"...)
	if err := c.flush(); err != nil {
		return err
	}
	if err := c.handshake(); err != nil {
		return err
	}
	c.hello, c.esmtp = false, false
	return nil
}

// handshake puts TLS upon the connection. One that fails ends it: there is no
// way back to the clear.
func (c *Conn) handshake() error {
	c.raw.SetDeadline(time.Now().Add(c.cfg.Handshake))
	t, err := serve.Handshake(context.Background(), c.raw, c.cfg.TLS) // the deadline ends it
	if err != nil {
		c.log.Debug("tls handshake", "peer", c.remote.String(), "error", err)
		c.dead = true
		return errGone
	}
	c.raw.SetDeadline(time.Time{})
	c.tls = t
	c.use(t)
	return nil
}
