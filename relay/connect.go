package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/relay/client"
)

// session is a connection ready for transactions.
type session struct {
	*client.Conn
	target target
	key    string // the hop it was made for
	used   int    // transactions so far
}

// smtps is where TLS comes before the greeting (RFC 8314 §3.3).
const smtps = 465

// connect makes a session with t as the hop's policy wants it: greeted,
// encrypted, logged in. Encryption that nobody asked for and that fails is tried
// once and then left out, on a new connection: unauthenticated TLS protects
// against listeners only, and plain text is what there was before (RFC 7435).
func (r *Relay) connect(ctx context.Context, h hop, t target) (*session, error) {
	policy := h.route.policy()
	s, err := r.open(ctx, h, t, policy)
	var failed handshakeError
	if errors.As(err, &failed) && policy == tlsOpportunistic {
		r.log.Debug("TLS failed, going on without", "mta", t.String(), "error", err)
		s, err = r.open(ctx, h, t, tlsNone)
	}
	return s, err
}

// handshakeError is TLS that was begun and did not come about.
type handshakeError struct{ error }

// open makes one connection; it closes it again when anything fails.
func (r *Relay) open(ctx context.Context, h hop, t target, policy string) (*session, error) {
	d := net.Dialer{Timeout: time.Duration(r.cfg.ConnectTimeout)}
	nc, err := d.DialContext(ctx, "tcp", t.addr.String())
	if err != nil {
		return nil, dialError{err}
	}
	s := &session{Conn: client.New(nc, r.hostname, r.cfg.Timeouts), target: t, key: h.name}
	if err := r.begin(ctx, s, h, policy); err != nil {
		s.Quit()
		return nil, err
	}
	return s, nil
}

func (r *Relay) begin(ctx context.Context, s *session, h hop, policy string) error {
	config := r.tlsConfig(h, s.target, policy)
	if h.route.smarthost() && s.target.addr.Port() == smtps {
		if err := s.Handshake(ctx, config); err != nil {
			return tlsFailure(err, s.target, policy)
		}
	}
	if err := s.Greet(ctx); err != nil {
		return err
	}
	if err := s.Hello(ctx); err != nil {
		return err
	}
	if err := r.encrypt(ctx, s, config, policy); err != nil {
		return err
	}
	if h.route.Login == "" {
		return nil
	}
	return r.login(ctx, s, h.route)
}

// encrypt says STARTTLS where the policy wants it and the server offers it.
func (r *Relay) encrypt(ctx context.Context, s *session, config *tls.Config, policy string) error {
	if s.TLS() || policy == tlsNone {
		return nil
	}
	_, offered := s.Offers("STARTTLS")
	if !offered && policy == tlsRequired {
		return mail.TLSRequired.With(s.target)
	}
	if !offered {
		return nil
	}
	err := s.StartTLS(ctx, config)
	var refused mail.Reply
	switch {
	case err == nil:
		return s.Hello(ctx)
	case errors.As(err, &refused) && policy == tlsRequired:
		return mail.TLSRequired.With(s.target)
	case errors.As(err, &refused) && !s.Broken():
		return nil // it cannot just now; nobody insists
	}
	return tlsFailure(err, s.target, policy)
}

func tlsFailure(err error, t target, policy string) error {
	if policy == tlsRequired {
		return mail.TLSFailed.With(t, err.Error())
	}
	return handshakeError{err}
}

func (r *Relay) tlsConfig(h hop, t target, policy string) *tls.Config {
	config := &tls.Config{ServerName: t.name, RootCAs: r.roots[h.route.CAFile]}
	if _, literal := parseLiteral(t.name); literal {
		config.ServerName = t.addr.Addr().String()
	}
	if policy != tlsRequired {
		// Whoever answers may have it: the alternative is plain text.
		config.InsecureSkipVerify = true
		config.MinVersion = tls.VersionTLS10
	}
	return config
}

// login presents what the smarthost asks for. A refusal is ours to mend, so the
// message waits.
func (r *Relay) login(ctx context.Context, s *session, route Route) error {
	password, err := readPassword(route.PasswordFile)
	if err != nil {
		r.log.Error("password of a route cannot be read", "mta", s.target.name, "error", err)
		return mail.SmarthostLogin.With(s.target.name)
	}
	err = s.Auth(ctx, route.Login, password)
	var refused mail.Reply
	switch {
	case errors.As(err, &refused) && refused.Permanent(), errors.Is(err, client.ErrNoMechanism), errors.Is(err, client.ErrClearText):
		r.log.Warn("login at a smarthost was refused", "mta", s.target.name, "account", route.Login, "error", err)
		return mail.SmarthostLogin.With(s.target.name)
	}
	return err
}

// readPassword reads the first line. It is read for each connection, so that a
// new password needs no restart.
func readPassword(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if line = strings.TrimRight(line, "\r"); line == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	return line, nil
}
