package smtpd

import (
	"errors"

	"github.com/emersion/go-sasl"

	"posthorn/auth"
	"posthorn/mail"
)

// AuthMechanisms are those of the AUTH keyword (RFC 4954 §3).
func (s *session) AuthMechanisms() []string {
	if s.role != Submission {
		return nil
	}
	return s.Deps.Auth.Mechanisms(s.authPeer())
}

// Auth begins a login.
func (s *session) Auth(mech string) (sasl.Server, error) {
	server, err := s.Deps.Auth.Server(s.ctx, mech, s.authPeer(), func(id auth.Identity) { s.login = &id })
	if err != nil {
		return nil, s.authFailed(err)
	}
	return &exchange{server, s}, nil
}

func (s *session) authPeer() auth.Peer {
	channel := s.conn.Channel()
	return auth.Peer{Addr: s.remote, Protocol: "submission", TLS: channel != nil, Channel: channel}
}

// authFailed is never 535 for a failure of ours: clients would forget the
// password.
func (s *session) authFailed(err error) error {
	r, foreseen := mail.ReplyTo(reply(err))
	if !foreseen {
		s.Log.Error("login not possible", "session", s.id, "error", err)
		r = mail.AuthUnavailable
	}
	return wire(r)
}

// exchange puts the errors of a SASL mechanism into replies.
type exchange struct {
	sasl.Server
	s *session
}

func (e *exchange) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = e.Server.Next(response)
	if err != nil {
		err = e.s.authFailed(err)
	}
	return challenge, done, err
}

// still ends a session whose login was taken back meanwhile: the account
// switched off, its password changed, its app password revoked.
func (s *session) still() error {
	if s.login == nil {
		return nil
	}
	err := s.Deps.Auth.Still(s.ctx, s.login)
	if errors.Is(err, auth.ErrCredentials) {
		s.Log.Info("session ended", "session", s.id, "account", s.login.Login, "status", err.Error())
		return mail.AuthEnded
	}
	return err
}

// mayUse tells whether the login owns an address; refusal names both. The null
// path is anybody's: read receipts come from it (RFC 8098 §2.1).
func (s *session) mayUse(p mail.Path, refusal mail.Reply) error {
	if p.IsNull() {
		return nil
	}
	owns, err := s.Deps.Auth.Owns(s.ctx, *s.login, p)
	if err != nil {
		return err
	}
	if !owns {
		return refusal.With(s.login.Login, p)
	}
	return nil
}
