package client

import (
	"context"

	"posthorn/mail"
)

// Probe asks whether the server takes mail for an address, from the null return
// path and without sending any. The reply is that to RCPT, or a refusal of what
// comes before; an error ended the session.
func (c *Conn) Probe(ctx context.Context, to mail.Path) (mail.Reply, error) {
	if c.broken {
		return mail.Reply{}, errBroken
	}
	t := transaction{Conn: c, m: &Message{Envelope: &mail.Envelope{}}, to: []mail.Recipient{{Path: to}}}
	t.needUTF8()
	if t.badPath[0] {
		return mail.RemoteNeedsUTF8.With("The receiving server"), nil
	}
	from := "MAIL FROM:<>"
	if t.utf8 {
		from += " SMTPUTF8"
	}
	var reply mail.Reply
	for _, line := range []string{from, "RCPT TO:<" + t.path(to) + ">"} {
		var err error
		if reply, err = c.command(ctx, line); err != nil {
			return mail.Reply{}, err
		}
		if c.broken {
			return mail.Reply{}, reply
		}
		if line == from && !reply.Positive() {
			reply.X, reply.Code = mail.EnhancedCode{4, 4, 0}, 451 // not about the address
		}
		if !reply.Positive() {
			break
		}
	}
	c.Reset(ctx)
	return reply, nil
}
