package imapd

import (
	"context"
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
	defer s.watched()()
	s.out.Raw("+ idling").CRLF()
	for {
		switch err := s.pause(keepAlive, true); {
		case errors.Is(err, errWoken):
			if err := s.news(c.ctx, false); err != nil && !errors.Is(err, errGone) {
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

// watched has the session woken by what happens in its mailbox, until stop, and
// at once for what happened since the last look.
func (s *session) watched() (stop func()) {
	s.conn.wake()
	if s.state != selected || s.notify != nil && s.notify.selected == 0 {
		return func() {}
	}
	return s.view.box.wakes(s.conn)
}

// news tells what happened: in the selected mailbox, and in those that NOTIFY
// watches. between says that it comes between two commands; else the client
// idles.
func (s *session) news(ctx context.Context, between bool) error {
	if s.notify != nil {
		if err := s.look(&call{ctx: ctx}); err != nil {
			return err
		}
	}
	n := s.notify // look may have ended it
	switch {
	case s.state != selected || s.view.gone:
		return nil
	case n != nil && n.selected == 0, n == nil && between:
		return nil
	}
	if between && n.delayed {
		return s.view.tell(ctx, s, tellAdded)
	}
	return s.view.tell(ctx, s, tellAll)
}
