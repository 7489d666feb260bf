package imapd

import (
	"errors"
	"strings"

	"posthorn/imapd/wire"
)

// idle: RFC 2177, RFC 9051 §6.3.13. The session waits without a buffer until
// its client speaks, its mailbox changes, or it is time for a sign of life,
// which keeps address translators on the way from forgetting the connection
// and finds out that a client has vanished. There is no autologout here.
//
// DONE ends it. So does any other command, which then runs: some clients
// forget DONE.
func (s *session) idle(c *call) error {
	if err := c.dec.End(); err != nil {
		return err
	}
	if s.state == selected {
		defer s.view.box.wakes(s.conn)()
		s.conn.wake() // for what happened since the last look
	}
	s.out.Raw("+ idling").CRLF()
	for {
		switch err := s.pause(keepAlive, true); {
		case errors.Is(err, errWoken):
			if err := s.news(c); err != nil {
				return err
			}
		case errors.Is(err, errTimeout):
			if err := s.still(); err != nil {
				s.broken = err
				return err
			}
			s.out.Raw("* OK Still here").CRLF()
		case err != nil:
			s.broken = err
			return err
		default:
			line, err := c.dec.Peek()
			if wire.Lost(err) {
				return err
			}
			if strings.EqualFold(strings.TrimSpace(line), "DONE") {
				c.dec.Skip()
			}
			return nil
		}
	}
}

// news tells what happened in the mailbox, and once that it is gone.
func (s *session) news(c *call) error {
	if s.state != selected || s.view.gone {
		return nil
	}
	if err := s.view.tell(c.ctx, s, true); err != nil && !s.view.gone {
		return err
	}
	return nil
}
