package imapd

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"time"

	"posthorn/auth"
	"posthorn/imapd/wire"
	"posthorn/internal/inflate"
	"posthorn/internal/serve"
	"posthorn/store"
)

// session is one connection. It belongs to one goroutine.
type session struct {
	srv  *Server
	ctx  context.Context // for the store; see Server.handle
	log  *slog.Logger
	conn *conn
	dec  *wire.Decoder
	out  *wire.Encoder

	state   state
	peer    auth.Peer
	account store.AccountID // zero before the login
	admin   bool            // an administrator's at the login: what CAPABILITY offers
	login   auth.Identity   // that of account
	enabled
	view    *view         // of the selected mailbox
	faults  int           // commands of a stranger that failed
	broken  error         // the connection ended within a command
	notify  *notification // nil before the first NOTIFY
	running running
	scratch []byte // for what is written next
}

func newSession(ctx context.Context, srv *Server, c *conn, channel *serve.Channel) *session {
	addr := serve.RemoteAddr(c.raw)
	return &session{
		srv: srv, ctx: ctx, conn: c, state: stranger,
		log:  srv.log.With("session", rand.Text()[:10]),
		peer: auth.Peer{Addr: addr, Protocol: "imap", TLS: channel != nil, Trusted: srv.config.trusts(addr), Channel: channel},
	}
}

// serve greets, then runs commands until the session ends.
func (s *session) serve() {
	defer s.leave()
	s.log.Debug("connected", "peer", s.peer.Addr.String(), "tls", s.peer.TLS)
	s.conn.hold()
	s.out = wire.NewEncoder(s.conn.w)
	s.dec = wire.NewDecoder(s.conn.r, strangerLimits, s.proceed)
	s.untagged("OK", "CAPABILITY "+s.capabilities(), "IMAP server ready")
	for s.state != ended {
		if err := s.next(); err != nil {
			s.goodbye(err)
			return
		}
	}
	s.flush()
}

// leave gives back all that the session holds.
func (s *session) leave() {
	s.giveUp()
	s.conn.release()
	s.conn.nc.Close() // with TLS's goodbye, too
	s.log.Debug("disconnected")
}

// giveUp gives back what came with the login.
func (s *session) giveUp() {
	s.closeNotify()
	s.closeView()
	if s.account != 0 {
		s.srv.leave(s.account)
	}
}

// hold takes buffers where the connection has none, and points decoder and
// encoder to them.
func (s *session) hold() {
	if s.conn.held {
		return
	}
	s.conn.hold()
	s.dec.Reset(s.conn.r)
	s.out.Reset(s.conn.w)
}

// proceed asks for a synchronising literal. Many clients send it and the end of
// its line in two pieces, so that until the command ends each piece is
// acknowledged at once.
func (s *session) proceed() error {
	s.conn.quick = true
	s.out.Raw("+ Ready for the literal").CRLF()
	return s.flush()
}

func (s *session) flush() error { return s.out.Flush() }

// pause waits for the client to say more, after sending it what there is, and
// holds no buffer meanwhile.
func (s *session) pause(d time.Duration, wakeable bool) error {
	if s.dec.Pending() || s.conn.buffered() {
		return nil
	}
	if err := s.flush(); err != nil {
		return err
	}
	s.dec.Release()
	err := s.conn.wait(d, wakeable)
	s.hold()
	return err
}

// await waits for the next command, and tells meanwhile what NOTIFY asked for.
func (s *session) await(d time.Duration) error {
	if s.notify == nil || !s.notify.wants() {
		return s.pause(d, false)
	}
	defer s.watched()()
	for end := time.Now().Add(d); ; {
		err := s.pause(time.Until(end), true)
		if !errors.Is(err, errWoken) {
			return err
		}
		if err := s.still(); err != nil {
			return err
		}
		if err := s.news(s.ctx, true); err != nil && !errors.Is(err, errGone) {
			s.log.Warn("notifications failed", "error", err)
		}
	}
}

// next reads and runs one command. An error ends the session.
func (s *session) next() error {
	if err := s.await(time.Duration(s.srv.config.IdleTimeout)); err != nil {
		return err
	}
	if err := s.still(); err != nil {
		return err
	}
	s.conn.quick = false
	err := s.dec.Next()
	if wire.Lost(err) {
		return err
	}
	tag := s.dec.Tag()
	s.dec.SP()
	name := takeName(s.dec)
	if tag == "" {
		tag = "*"
	}
	s.command(tag, name, err)
	if s.broken != nil {
		return s.broken
	}
	if err := s.dec.Err(); wire.Lost(err) {
		return err
	}
	return s.out.Err()
}

// goodbye says BYE where the client can still hear it, and logs what is worth
// it.
func (s *session) goodbye(err error) {
	text := ""
	switch {
	case errors.Is(err, errShutdown):
		text = "[UNAVAILABLE] The server is shutting down"
	case errors.Is(err, errTimeout):
		text = "Autologout: nothing was said for too long"
	case errors.Is(err, errTakenBack):
		text = "[EXPIRED] This login counts no more; log in again" // RFC 5530
	case errors.Is(err, wire.ErrLost):
		text = "[TOOBIG] That is far more than this server takes"
	case errors.Is(err, inflate.ErrCorrupt):
		text = "That is not compressed as RFC 4978 says"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return
	default:
		s.log.Debug("connection lost", "error", err)
		return
	}
	s.hold()
	s.out.Raw("* BYE ").Raw(text).CRLF()
	s.flush()
}
