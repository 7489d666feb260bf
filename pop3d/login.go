package pop3d

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"posthorn/auth"
)

// needTLS refuses a password in clear, without a response code: the password
// is not what is wrong (RFC 3206 §4).
const needTLS refusal = "use STLS first"

// userName is USER.
func (s *session) userName(_ context.Context, name string) error {
	switch {
	case !s.peer.TLS:
		return needTLS
	case name == "":
		return refusal("USER needs a name")
	}
	s.user = name
	return s.ok("Now the password")
}

// pass is PASS: all behind the first space is the password, spaces included
// (RFC 1939 §7).
func (s *session) pass(ctx context.Context, password string) error {
	switch {
	case !s.peer.TLS:
		return needTLS
	case s.user == "":
		return refusal("USER comes first")
	}
	name := s.user
	s.user = ""
	id, err := s.server.auth.Plain(ctx, s.peer, name, password)
	if err != nil {
		return err
	}
	return s.enter(ctx, id)
}

// enter opens the maildrop of a verified login. Where that fails the session
// stays where it was (RFC 1939 §4).
func (s *session) enter(ctx context.Context, id auth.Identity) error {
	drop, err := openMaildrop(ctx, s.server.store, id, s.id)
	if err != nil {
		return err
	}
	s.drop = drop
	n, size := drop.stat()
	return s.ok("%d messages (%d octets)", n, size)
}

// authenticate is AUTH, with or without an initial response (RFC 5034 §4).
// Without a mechanism it lists them, as old clients expect.
func (s *session) authenticate(ctx context.Context, arg string) error {
	if !s.peer.TLS {
		return needTLS
	}
	mech, initial, hasInitial := strings.Cut(arg, " ")
	if mech == "" {
		s.ok("Mechanisms follow")
		for _, m := range s.server.auth.Mechanisms(s.peer) {
			s.reply("%s", m)
		}
		return s.end()
	}
	var id auth.Identity
	server, err := s.server.auth.Server(ctx, strings.ToUpper(mech), s.peer, func(i auth.Identity) { id = i })
	if err != nil {
		return err
	}
	var response []byte
	if hasInitial {
		if response, err = decode(initial); err != nil {
			return err
		}
	}
	for {
		challenge, done, err := server.Next(response)
		if err != nil {
			return err
		}
		if done {
			return s.enter(ctx, id)
		}
		s.reply("+ %s", base64.StdEncoding.EncodeToString(challenge))
		line, err := s.line()
		if err != nil {
			s.ended = true
			return fmt.Errorf("AUTH was not finished: %w", refusal("The line is too long"))
		}
		if line == "*" {
			return refusal("Login cancelled")
		}
		if response, err = decode(line); err != nil {
			return err
		}
	}
}

// decode reads a client's response; never nil, which would mean none. An empty
// initial response is "=".
func decode(line string) ([]byte, error) {
	if line == "=" {
		line = ""
	}
	b, err := base64.StdEncoding.DecodeString(line)
	if err != nil {
		return nil, refusal("That is not base64")
	}
	return append([]byte{}, b...), nil
}
