package pop3d

import "context"

// capa lists what is offered now (RFC 2449 §5). Whoever cannot log in without
// TLS is not told how.
func (s *session) capa(_ context.Context, arg string) error {
	if arg != "" {
		return refusal("CAPA takes no argument")
	}
	s.ok("Capabilities follow")
	if s.peer.TLS {
		s.reply("USER")
		s.reply("SASL%s", joined(s.server.auth.Mechanisms(s.peer)))
	} else {
		s.reply("STLS")
	}
	for _, c := range []string{"TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "UTF8 USER", "EXPIRE NEVER"} {
		s.reply("%s", c)
	}
	return s.end()
}

// joined puts a space before each word.
func joined(words []string) (line string) {
	for _, w := range words {
		line += " " + w
	}
	return line
}

// utf8 is remembered by nobody: messages are given as they are anyway (RFC
// 6856 §2).
func (s *session) utf8(_ context.Context, arg string) error {
	if arg != "" {
		return refusal("UTF8 takes no argument")
	}
	return s.ok("UTF8 enabled")
}

// stls answers and starts TLS (RFC 2595 §4).
func (s *session) stls(_ context.Context, arg string) error {
	switch {
	case arg != "":
		return refusal("STLS takes no argument")
	case s.peer.TLS:
		return refusal("TLS is already active")
	}
	s.ok("Begin TLS")
	if err := s.w.Flush(); err != nil {
		return err
	}
	if s.startTLS() != nil {
		s.ended = true
	}
	return nil
}
