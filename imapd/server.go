// Package imapd gives people their mail over IMAP4rev2 (RFC 9051) and
// IMAP4rev1 (RFC 3501). A client gets rev1 answers until it says ENABLE
// IMAP4rev2.
//
// The spine is the command table (command.go) with the extension table beside
// it (extension.go); each command is a file of its own. A session (session.go)
// reads a command, runs its row, tells the client what happened to its mailbox
// (view.go) and writes the tagged response. Syntax is imapd/wire's, and so is
// the promise that no octet of a literal is ever run as a command.
//
// A selected mailbox is one snapshot that all its sessions share as immutable
// versions (version.go, shared.go): a session holds the version that its
// client has been told, and the difference to the newest is what there is to
// tell.
//
// Notable divergences: NUL in an appended message is refused; a line may end
// with a bare LF; a mailbox deleted under a session leaves it selected and
// every command that needs the mailbox answered NO [NONEXISTENT].
package imapd

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"posthorn/internal/serve"
	"posthorn/store"
)

// Server serves any number of listeners.
type Server struct {
	config Config
	store  *store.Store
	auth   Authenticator
	tls    *tls.Config // nil: no STARTTLS
	spools serve.Spools
	log    *slog.Logger

	table      map[string]*command
	extensions []extension
	boxes      boxes
	trees      directories
	gists      gistCache

	mu       sync.Mutex // guards sessions
	sessions map[store.AccountID]int
}

// New makes a server. With a nil tlsConfig it offers no TLS, and then auth
// decides whether anybody may log in. In spools messages wait that are being
// appended.
func New(c Config, st *store.Store, auth Authenticator, tlsConfig *tls.Config, spools serve.Spools, log *slog.Logger) *Server {
	s := &Server{
		config: c, store: st, auth: auth, tls: tlsConfig, spools: spools, log: log,
		table: newTable(), extensions: extensions,
		sessions: map[store.AccountID]int{},
	}
	s.boxes.store, s.trees.store = st, st
	return s
}

// Serve answers the connections of ln until ctx is done; it returns when every
// session has ended, the running commands within drainTime. With implicitTLS
// each connection begins with a TLS handshake (RFC 8314 §3.2).
func (s *Server) Serve(ctx context.Context, ln net.Listener, implicitTLS bool) error {
	if implicitTLS && s.tls == nil {
		return errors.New("imapd: implicit TLS without a certificate")
	}
	return serve.Run(ctx, ln, s.log, func(ctx context.Context, c net.Conn) {
		s.handle(ctx, c, implicitTLS)
	})
}

// Refuse tells a connection over a limit to come back later.
func Refuse(c net.Conn) {
	c.Write([]byte("* BYE [LIMIT] Too many connections; try again later\r\n"))
}

func (s *Server) handle(ctx context.Context, raw net.Conn, implicitTLS bool) {
	nc := raw
	var channel *serve.Channel
	if implicitTLS {
		shake, cancel := context.WithTimeout(ctx, loginTime)
		t, err := serve.Handshake(shake, raw, s.tls)
		cancel()
		if err != nil {
			s.log.Debug("TLS handshake failed", "peer", raw.RemoteAddr().String(), "error", err)
			return
		}
		nc, channel = t, t
	}
	// The store's calls of a session outlive ctx by drainTime, so that a
	// command that runs when the server stops is finished and answered.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	c := newConn(ctx, raw, nc)
	stop := context.AfterFunc(ctx, func() {
		raw.SetReadDeadline(past)
		kill := time.AfterFunc(drainTime, func() { cancel(); raw.Close() })
		context.AfterFunc(work, func() { kill.Stop() })
	})
	defer stop()
	newSession(work, s, c, channel).serve()
}

// enter counts a session of an account; false when it has as many as it may.
func (s *Server) enter(a store.AccountID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.config.ConnectionsPerAccount; n > 0 && s.sessions[a] >= n {
		return false
	}
	s.sessions[a]++
	return true
}

func (s *Server) leave(a store.AccountID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[a]--; s.sessions[a] == 0 {
		delete(s.sessions, a)
	}
}
