// Package pop3d is the POP3 server: a maildrop is INBOX as it was at login,
// under a lock; nothing is removed before QUIT.
//
// RFCs: 1939 with TOP and UIDL, 2449 (CAPA, PIPELINING, RESP-CODES), 2595
// (STLS), 3206 (AUTH-RESP-CODE, SYS/TEMP), 5034 (AUTH), 6856 (UTF8), 8314 (no
// password without TLS).
//
// Notable divergences: no APOP, which needs passwords that can be read back.
// Messages with UTF-8 headers are given as they are to clients that did not say
// UTF8, as every server does. A message whose last line has no line end, which
// only IMAP's APPEND can bring, is given one and is then two octets longer than
// its size.
package pop3d

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"time"

	"posthorn/auth"
	"posthorn/internal/serve"
	"posthorn/mail"
	"posthorn/store"
)

// Config is the table [pop3].
type Config struct {
	Listen    string `toml:"listen"`     // STLS, port 110; "" for none
	ListenTLS string `toml:"listen_tls"` // implicit TLS, port 995; "" for none

	IdleTimeout serve.Duration `toml:"idle_timeout"` // RFC 1939 §3 wants 10m at least
}

// DefaultConfig is the configuration of a server nobody configured.
func DefaultConfig() Config {
	return Config{Listen: ":110", ListenTLS: ":995", IdleTimeout: serve.Duration(10 * time.Minute)}
}

// Limits that are not the operator's.
const (
	maxLine   = 12 << 10         // a command, or a line of AUTH (RFC 4954 §4.5)
	maxFaults = 20               // commands answered -ERR before a login, then the connection is closed
	loginTime = 3 * time.Minute  // from the greeting to a login
	drainTime = 15 * time.Second // for the running command when the server stops
	writeTime = 5 * time.Minute  // for each write of at most writeSize octets
	writeSize = 32 << 10
)

// maildrops is what pop3d asks of the store.
type maildrops interface {
	Mailbox(ctx context.Context, a store.AccountID, name string) (*store.Mailbox, error)
	LockMaildrop(ctx context.Context, a store.AccountID, owner string) (release func(), err error)
}

// Server may serve several listeners.
type Server struct {
	cfg   Config
	store maildrops
	auth  *auth.Auth
	tls   *tls.Config
	log   *slog.Logger
	drain time.Duration
}

// New makes a server; Serve starts it.
func New(cfg Config, st *store.Store, a *auth.Auth, tls *tls.Config, log *slog.Logger) *Server {
	return &Server{cfg, st, a, tls, log, drainTime}
}

// Serve serves the connections of ln until ctx is done; then it ends idle
// sessions, lets running commands finish and returns nil. A client that takes
// an answer too slowly for that is cut off.
func (s *Server) Serve(ctx context.Context, ln net.Listener, implicitTLS bool) error {
	return serve.Run(ctx, ln, s.log, func(ctx context.Context, c net.Conn) {
		newSession(s, c).run(ctx, implicitTLS)
	})
}

// Refuse says why a connection over a limit is closed.
func Refuse(c net.Conn) {
	io.WriteString(c, "-ERR [SYS/TEMP] Too many connections; try again later\r\n")
}

// newSession is a session that has not been greeted.
func newSession(s *Server, c net.Conn) *session {
	ses := &session{server: s, id: mail.NewID(), started: time.Now()}
	ses.peer = auth.Peer{Addr: serve.RemoteAddr(c), Protocol: "pop3"}
	ses.log = s.log.With("session", ses.id)
	ses.use(c)
	return ses
}
