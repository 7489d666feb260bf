package client

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
)

// ErrNoMechanism: the server offers no way to log in that this client takes.
var ErrNoMechanism = errors.New("the server offers neither AUTH PLAIN nor AUTH LOGIN")

// ErrClearText: a password is never sent over a connection that is not
// encrypted.
var ErrClearText = errors.New("no login without TLS")

// Auth logs in (RFC 4954) with PLAIN, or LOGIN where there is only that.
func (c *Conn) Auth(ctx context.Context, login, password string) error {
	if !c.tls {
		return ErrClearText
	}
	defer c.attend(ctx)()
	offered := strings.Fields(c.offers["AUTH"])
	var mech sasl.Client
	switch {
	case slices.Contains(offered, sasl.Plain):
		mech = sasl.NewPlainClient("", login, password)
	case slices.Contains(offered, sasl.Login):
		mech = sasl.NewLoginClient(login, password)
	default:
		return ErrNoMechanism
	}
	name, initial, err := mech.Start()
	if err != nil {
		return err
	}
	line := "AUTH " + name
	if initial != nil {
		line += " " + base64.StdEncoding.EncodeToString(initial)
	}
	for range maxSteps {
		reply, err := c.command(ctx, line)
		if err != nil {
			return err
		}
		if reply.Code != 334 {
			return c.expect(reply, 235)
		}
		challenge, err := base64.StdEncoding.DecodeString(reply.Text)
		if err != nil {
			return c.breakWith(errors.Join(ErrGarbled, err))
		}
		answer, err := mech.Next(challenge)
		if err != nil {
			return c.breakWith(err)
		}
		line = base64.StdEncoding.EncodeToString(answer)
	}
	return c.breakWith(ErrGarbled)
}

// maxSteps bounds the exchange: LOGIN, the longest, has three.
const maxSteps = 5
