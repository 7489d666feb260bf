package pop3d

import (
	"context"

	"posthorn/store"
)

// stat is STAT.
func (s *session) stat(_ context.Context, arg string) error {
	if arg != "" {
		return refusal("STAT takes no argument")
	}
	n, size := s.drop.stat()
	return s.ok("%d %d", n, size)
}

// list is LIST.
func (s *session) list(_ context.Context, arg string) error {
	return s.each(arg, func(m store.Message) any { return octets(m) })
}

// uidl is UIDL. The identifiers stay as long as the message does.
func (s *session) uidl(_ context.Context, arg string) error {
	return s.each(arg, func(m store.Message) any { return m.UIDL })
}

// each answers with one fact of a message, or of all.
func (s *session) each(arg string, fact func(store.Message) any) error {
	if arg != "" {
		i, err := s.drop.number(arg)
		if err != nil {
			return err
		}
		return s.ok("%d %v", i+1, fact(s.drop.messages[i]))
	}
	n, size := s.drop.stat()
	s.ok("%d messages (%d octets)", n, size)
	for i, m := range s.drop.messages {
		if !s.drop.deleted[i] {
			s.reply("%d %v", i+1, fact(m))
		}
	}
	return s.end()
}

// dele is DELE.
func (s *session) dele(_ context.Context, arg string) error {
	i, err := s.drop.number(arg)
	if err != nil {
		return err
	}
	s.drop.deleted[i] = true
	return s.ok("Message %d will be removed at QUIT", i+1)
}

// rset is RSET: nothing is deleted any more.
func (s *session) rset(_ context.Context, arg string) error {
	if arg != "" {
		return refusal("RSET takes no argument")
	}
	clear(s.drop.deleted)
	n, size := s.drop.stat()
	return s.ok("%d messages (%d octets)", n, size)
}

// noop is NOOP.
func (s *session) noop(_ context.Context, arg string) error {
	if arg != "" {
		return refusal("NOOP takes no argument")
	}
	return s.ok("Still here")
}

// quit is QUIT: the only way into the UPDATE state.
func (s *session) quit(ctx context.Context, arg string) error {
	if arg != "" {
		return refusal("QUIT takes no argument")
	}
	s.ended = true
	if s.drop != nil {
		if err := s.drop.update(ctx); err != nil {
			s.log.Error("pop3 removal failed", "account", s.drop.login, "removed", s.drop.removed, "error", err)
			return refusal("[SYS/TEMP] Some deleted messages are not removed")
		}
		s.drop.release() // before the answer: the next login must find it open
	}
	return s.ok("Bye")
}
