package imapd

import (
	"encoding/base64"

	"github.com/emersion/go-sasl"

	"posthorn/auth"
)

// mechanisms are the values of AUTH= (RFC 9051 §7.2.2).
func (s *session) mechanisms() []string {
	if s.state != stranger {
		return nil
	}
	return s.srv.auth.Mechanisms(s.peer)
}

// authenticate: RFC 9051 §6.2.2 with an initial response (SASL-IR).
func (s *session) authenticate(c *call) error {
	d := c.dec
	d.SP()
	mechanism := d.Word()
	initial, given := "", d.TakeSP()
	if given {
		initial = d.Atom()
	}
	if err := d.End(); err != nil {
		return err
	}
	if s.loginDisabled() {
		return no("PRIVACYREQUIRED", "Start TLS first")
	}
	var id auth.Identity
	server, err := s.srv.auth.Server(c.ctx, mechanism, s.peer, func(i auth.Identity) { id = i })
	if err != nil {
		return s.refused(c, err)
	}
	var response []byte // nil: there is none yet
	if given {
		if response, err = decodeResponse(initial); err != nil {
			return err
		}
	}
	if err := s.exchange(c, server, response); err != nil {
		return err
	}
	return s.welcome(c, id)
}

// exchange plays challenges and responses until server is done.
func (s *session) exchange(c *call, server sasl.Server, response []byte) error {
	for {
		challenge, done, err := server.Next(response)
		if err != nil {
			return s.refused(c, err)
		}
		if done {
			return nil
		}
		s.out.Raw("+ ").Raw(base64.StdEncoding.EncodeToString(challenge)).CRLF()
		line, err := c.dec.Line()
		if err != nil {
			return err
		}
		if line == "*" {
			return bad("Authentication cancelled")
		}
		if response, err = decodeResponse(line); err != nil {
			return err
		}
	}
}

// decodeResponse decodes base64; "=" is an empty initial response (RFC 4959
// §3). It never gives nil.
func decodeResponse(s string) ([]byte, error) {
	if s == "=" {
		return []byte{}, nil
	}
	b, err := base64.StdEncoding.AppendDecode([]byte{}, []byte(s))
	if err != nil {
		return nil, bad("That is not base64")
	}
	return b, nil
}
