package pop3d

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"posthorn/auth"
	"posthorn/internal/serve"
)

// session is one connection; one goroutine has it.
type session struct {
	server  *Server
	id      string
	log     *slog.Logger
	started time.Time
	done    <-chan struct{} // the server is ending
	conn    net.Conn
	r       *bufio.Reader // nil, as is w, while the session waits; see buffers.go
	w       *bufio.Writer

	first    [1]byte // of a line, read by wait and not yet by r
	hasFirst bool

	peer   auth.Peer
	user   string    // what USER said
	drop   *maildrop // nil before the login
	faults int
	ended  bool // close after the reply
}

// state is RFC 1939's; a bit each, for the command table. UPDATE is within
// QUIT.
type state uint8

const (
	authorization state = 1 << iota
	transaction
)

func (s *session) state() state {
	if s.drop != nil {
		return transaction
	}
	return authorization
}

// use goes on over c. What was said over another connection is forgotten.
func (s *session) use(c net.Conn) {
	s.release()
	s.conn, s.hasFirst = c, false
	s.hold()
}

// startTLS makes the handshake. What the client said before it in clear, and
// was not read, is forgotten, and so is a user name.
func (s *session) startTLS() error {
	s.conn.SetDeadline(s.started.Add(loginTime))
	err := s.stopping() // the deadline just set hides the one that ends the session
	var secure *serve.Channel
	if err == nil {
		secure, err = serve.Handshake(context.Background(), s.conn, s.server.tls) // the deadline ends it
	}
	if err != nil {
		s.log.Debug("TLS handshake failed", "peer", s.peer.Addr.String(), "error", err)
		return fmt.Errorf("start TLS: %w", err)
	}
	s.conn.SetDeadline(time.Time{})
	s.use(secure)
	s.peer.TLS, s.peer.Channel, s.user = true, secure, ""
	return nil
}

// stopping is an error once the server is ending.
func (s *session) stopping() error {
	select {
	case <-s.done:
		return net.ErrClosed
	default:
		return nil
	}
}

// run speaks with the client until one of both ends it.
func (s *session) run(ctx context.Context, implicitTLS bool) {
	defer func() {
		s.release()
		if s.drop != nil {
			s.drop.release()
			s.log.Info("pop3 session", "account", s.drop.login.Login, "peer", s.peer.Addr.String(), "messages", len(s.drop.messages),
				"retrieved", s.drop.retrieved, "removed", s.drop.removed, "took", time.Since(s.started))
		}
	}()
	// A command that has begun is finished: ctx only ends the waiting for the
	// next, and the connection somewhat later.
	work := context.WithoutCancel(ctx)
	c := s.conn // TLS replaces it, and reads on through it
	stop := context.AfterFunc(ctx, func() {
		c.SetReadDeadline(time.Unix(1, 0))
		time.AfterFunc(s.server.drain, func() { c.Close() })
	})
	defer stop()
	s.done = ctx.Done()

	if implicitTLS && s.startTLS() != nil {
		return
	}
	s.reply("+OK POP3 ready")
	for !s.ended {
		line, err := s.line()
		if errors.Is(err, bufio.ErrBufferFull) {
			s.reply("-ERR The line is too long")
			s.w.Flush()
			return
		}
		if err != nil {
			return
		}
		s.command(work, line)
		if s.ended || s.r.Buffered() == 0 { // answers to a pipelined batch go together (RFC 2449 §6.6)
			if s.w.Flush() != nil {
				return
			}
		}
	}
}

// line reads one, without its line end. It flushes first when it has to wait.
func (s *session) line() (string, error) {
	quiet := s.r.Buffered() == 0
	if quiet {
		if err := s.w.Flush(); err != nil {
			return "", err
		}
	}
	until := s.started.Add(loginTime)
	if s.drop != nil {
		until = time.Now().Add(time.Duration(s.server.cfg.IdleTimeout))
	}
	s.conn.SetReadDeadline(until)
	if err := s.stopping(); err != nil { // as in startTLS
		return "", err
	}
	if quiet {
		if err := s.wait(); err != nil {
			return "", err
		}
	}
	b, err := s.r.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// command runs one line.
func (s *session) command(ctx context.Context, line string) {
	verb, arg, _ := strings.Cut(line, " ")
	c, err := find(verb, s.state())
	if err == nil {
		err = s.still(ctx)
	}
	if err == nil {
		err = c.run(s, ctx, arg)
	}
	if err == nil {
		return
	}
	s.fail(err)
	if s.drop == nil {
		if s.faults++; s.faults >= maxFaults {
			s.ended = true
		}
	}
}

// takenBack ends a session whose login counts no more. It removes nothing.
const takenBack refusal = "[AUTH] This login counts no more"

// still looks whether the login was taken back meanwhile: the account switched
// off, its password changed, its app password revoked.
func (s *session) still(ctx context.Context) error {
	if s.drop == nil {
		return nil
	}
	err := s.server.auth.Still(ctx, &s.drop.login)
	if errors.Is(err, auth.ErrCredentials) {
		s.log.Info("session ended", "status", err.Error())
		s.ended = true
		return takenBack
	}
	return err
}

// reply writes one line.
func (s *session) reply(format string, args ...any) {
	fmt.Fprintf(s.w, format, args...)
	s.w.WriteString("\r\n")
}

// ok begins or is a positive answer.
func (s *session) ok(format string, args ...any) error {
	s.reply("+OK "+format, args...)
	return nil
}

// end closes a multi-line answer.
func (s *session) end() error {
	_, err := io.WriteString(s.w, ".\r\n")
	return err
}
