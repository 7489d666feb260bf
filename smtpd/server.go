package smtpd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"posthorn/mail"
	"posthorn/smtpd/front"
)

// Server is an MX, a submission server or an LMTP server. It may serve several listeners.
type Server struct {
	role   Role
	cfg    Config
	limits front.Limits
	Deps
}

// New makes a server; Serve starts it.
func New(role Role, cfg Config, deps Deps) *Server {
	cfg.MaxRecipients = max(cfg.MaxRecipients, minRecipients)
	limits := front.DefaultLimits()
	limits.Idle = time.Duration(cfg.IdleTimeout)
	limits.GreetPause = time.Duration(cfg.GreetPause)
	return &Server{role, cfg, limits, deps}
}

// Serve serves the connections of ln until ctx is done. Then it says 421 to
// idle clients, lets running transactions finish, and returns nil when all
// have; what takes longer than half a minute is cut off.
func (s *Server) Serve(ctx context.Context, ln net.Listener, implicitTLS bool) error {
	if s.Limiter != nil {
		ln = s.Limiter.Listener(ln, refuse(implicitTLS), s.cfg.Proxies...)
	}
	fl := front.Listen(ln, s.frontConfig(implicitTLS))
	// Sessions outlive ctx: what a client was promised is done.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	drained := make(chan struct{})
	drain := sync.OnceFunc(func() {
		defer close(drained)
		cut := time.AfterFunc(drainTime, cancel)
		defer cut.Stop()
		fl.Drain(drainTime)
	})
	stop := context.AfterFunc(ctx, drain)
	err := s.library(work).Serve(fl)
	if stop() { // the listener failed, not ctx
		drain()
	}
	<-drained
	if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return fmt.Errorf("serve smtp on %s: %w", ln.Addr(), err)
}

// refuse tells a connection over a limit why. Within TLS that would take a
// handshake, which is more than it deserves.
func refuse(implicitTLS bool) func(net.Conn) {
	return func(c net.Conn) {
		if !implicitTLS {
			fmt.Fprintf(c, "%s\r\n", mail.TooManyConns)
		}
	}
}

func (s *Server) frontConfig(implicitTLS bool) front.Config {
	return front.Config{
		Hostname: s.Hostname,
		TLS:      s.TLS,
		Implicit: implicitTLS,
		LMTP:     s.role == LMTP,
		Auth:     s.role == Submission,
		DSN:      s.role == Submission,
		// The last hop to a mailbox here makes no promise (RFC 8689 §2), but LMTP has no TLS.
		RequireTLS: s.role != LMTP,
		Repair:     s.role == Submission,
		MaxSize:    int64(s.cfg.MaxSize),
		Proxies:    s.cfg.Proxies,
		Exempt:     s.cfg.Exempt,
		Limits:     s.limits,
		Log:        s.Log,
	}
}

// library configures go-smtp to do no more than front expects of it.
func (s *Server) library(ctx context.Context) *smtp.Server {
	l := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return s.newSession(ctx, c)
	}))
	l.AllowInsecureAuth = true // front refuses AUTH in the clear
	l.MaxLineLength = 0
	l.MaxMessageBytes = int64(s.cfg.MaxSize)
	l.EnableSMTPUTF8 = true
	l.EnableREQUIRETLS = s.role != LMTP
	l.EnableDSN = s.role == Submission
	l.ErrorLog = slog.NewLogLogger(s.Log.Handler(), slog.LevelError)
	return l
}
