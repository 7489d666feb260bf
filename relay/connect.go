package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
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
	key    string // of the hop it was made for
	used   int    // transactions so far
}

// smtps is where TLS comes before the greeting (RFC 8314 §3.3).
const smtps = 465

// connect makes a session with t as secure as it must be: greeted, encrypted,
// logged in. Encryption that nobody asked for and that fails is tried once and
// then left out, on a new connection: unauthenticated TLS protects against
// listeners only, and plain text is what there was before (RFC 7435).
func (r *Relay) connect(ctx context.Context, h hop, t target) (*session, error) {
	var tr trial
	sec, err := r.security(ctx, h, t)
	if err != nil {
		r.count(h, t, sec, tr, err)
		return nil, err
	}
	s, err := r.open(ctx, h, t, sec, &tr)
	r.count(h, t, sec, tr, err)
	var failed handshakeError
	if errors.As(err, &failed) && sec.level == may {
		r.log.Debug("TLS failed, going on without", "mta", t.String(), "error", err)
		sec.level = plain
		s, err = r.open(ctx, h, t, sec, &tr)
	}
	return s, err
}

// errFamilyOff: the configuration says "none" for the family of an address.
var errFamilyOff = errors.New("the configuration switches off the way to such addresses")

// handshakeError is TLS that was begun and did not come about.
type handshakeError struct{ error }

func (e handshakeError) Unwrap() error { return e.error }

// open makes one connection; it closes it again when anything fails.
func (r *Relay) open(ctx context.Context, h hop, t target, sec security, tr *trial) (*session, error) {
	if r.from.configured(h.route, t.addr.Addr()) == sourceNone {
		return nil, dialError{errFamilyOff}
	}
	d := net.Dialer{Timeout: time.Duration(r.cfg.ConnectTimeout), LocalAddr: r.from.local(h.route, t.addr.Addr())}
	nc, err := d.DialContext(ctx, "tcp", t.addr.String())
	if err != nil {
		return nil, dialError{err}
	}
	if local, err := netip.ParseAddrPort(nc.LocalAddr().String()); err == nil {
		tr.local = local.Addr().Unmap().WithZone("")
	}
	s := &session{Conn: client.New(nc, r.hostname, r.cfg.Timeouts), target: t, key: h.key()}
	if err := r.begin(ctx, s, h, sec, tr); err != nil {
		r.idle.leave(s)
		return nil, err
	}
	return s, nil
}

func (r *Relay) begin(ctx context.Context, s *session, h hop, sec security, tr *trial) error {
	if h.route.smarthost() && s.target.addr.Port() == smtps {
		if err := s.Handshake(ctx, sec.config(&tr.unproven)); err != nil {
			tr.trouble = err
			return sec.failure(err, h, s.target)
		}
	}
	if err := s.Greet(ctx); err != nil {
		return err
	}
	if err := s.Hello(ctx); err != nil {
		return err
	}
	if err := r.encrypt(ctx, s, h, sec, tr); err != nil {
		return err
	}
	if h.route.Login == "" {
		return nil
	}
	return r.login(ctx, s, h.route)
}

// encrypt says STARTTLS where that is wanted and the server offers it.
func (r *Relay) encrypt(ctx context.Context, s *session, h hop, sec security, tr *trial) error {
	if s.TLS() || sec.level == plain {
		return nil
	}
	if _, offered := s.Offers("STARTTLS"); !offered {
		tr.trouble = errNoSTARTTLS
		return sec.lacking(h, s.target)
	}
	err := s.StartTLS(ctx, sec.config(&tr.unproven))
	var refused mail.Reply
	if tr.trouble = err; errors.As(err, &refused) {
		tr.trouble = errNoSTARTTLS
	}
	switch {
	case err == nil:
		return s.Hello(ctx)
	case errors.As(err, &refused) && sec.level > may:
		return sec.lacking(h, s.target)
	case errors.As(err, &refused) && !s.Broken():
		return nil // it cannot just now; nobody insists
	}
	return sec.failure(err, h, s.target)
}

// lacking is what it means that a server has no TLS for us.
func (s security) lacking(h hop, t target) error {
	switch {
	case s.level <= may:
		return nil
	case h.requireTLS:
		return mail.RequireTLSUnproven.With(t, "it offers no encryption")
	}
	return mail.TLSRequired.With(t, s.by)
}

// failure is what it means that TLS did not come about. A sender who asked for
// REQUIRETLS is told of a server that is not the one meant, for nothing but a
// mistake there being mended would help (RFC 8689 §4.2.1).
func (s security) failure(err error, h hop, t target) error {
	var unproven proofError
	switch {
	case s.level <= may:
		return handshakeError{err}
	case errors.As(err, &unproven) && h.requireTLS:
		return mail.RequireTLSUnproven.With(t, unproven.Error())
	case errors.As(err, &unproven):
		return mail.TLSFailed.With(t, unproven.Error()+". This is what "+s.by+" demands")
	}
	return mail.TLSFailed.With(t, err.Error()+". Encryption is what "+s.by+" demands")
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
