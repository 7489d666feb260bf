package imapd

import (
	"errors"

	"posthorn/auth"
)

// loginDisabled: no mechanism may be used on this connection, as a rule
// because it has no TLS.
func (s *session) loginDisabled() bool {
	return s.state == stranger && len(s.srv.auth.Mechanisms(s.peer)) == 0
}

// loginCommand: RFC 9051 §6.2.3. Without TLS it is refused before the name and
// password are read, so that a client which sends them as literals keeps them.
func (s *session) loginCommand(c *call) error {
	if s.loginDisabled() {
		return no("PRIVACYREQUIRED", "Start TLS first")
	}
	c.dec.SP()
	login := c.dec.AString()
	c.dec.SP()
	password := c.dec.AString()
	if err := c.dec.End(); err != nil {
		return err
	}
	id, err := s.srv.auth.Plain(c.ctx, s.peer, login, password)
	if err != nil {
		return s.refused(c, err)
	}
	return s.welcome(c, id)
}

// welcome makes the session the account's.
func (s *session) welcome(c *call, id auth.Identity) error {
	a, err := s.srv.store.Account(c.ctx, id.Account)
	if err != nil {
		return err
	}
	if !s.srv.enter(id.Account) {
		return no("LIMIT", "Too many connections of this account")
	}
	s.account, s.login, s.admin, s.state = id.Account, id, a.Admin, member
	s.log = s.log.With("account", id.Login)
	line := s.log.With("peer", s.peer.Addr.String(), "protocol", s.peer.Protocol, "tls", s.peer.TLS)
	if id.App != "" {
		line = line.With("app_password", id.App)
	}
	line.Info("logged in")
	s.dec.Limits = memberLimits(int64(s.srv.config.AppendLimit))
	s.conn.member()
	c.code, c.text = "CAPABILITY "+s.capabilities(), "Logged in"
	return nil
}

// refused puts auth's refusal into words.
func (s *session) refused(c *call, err error) error {
	switch {
	case errors.Is(err, auth.ErrCredentials):
		return no("AUTHENTICATIONFAILED", "The name or the password is wrong")
	case errors.Is(err, auth.ErrThrottled):
		c.after = func() error {
			s.bye("", "Too many wrong passwords; try again later")
			return nil
		}
		return no("LIMIT", "Too many wrong passwords; try again later")
	case errors.Is(err, auth.ErrMechanism):
		return no("CANNOT", "That mechanism is not offered")
	case errors.Is(err, auth.ErrSyntax):
		return bad("That is not what the mechanism asks for")
	}
	return err
}
