package imapd

import (
	"errors"

	"posthorn/auth"
)

// errTakenBack: the login that the session began with counts no more.
var errTakenBack = errors.New("the login was taken back")

// still ends a session whose login was taken back: the account switched off,
// its password changed, its app password revoked. It is asked before each
// command and at each sign of life while idling; auth asks the store once a
// minute.
func (s *session) still() error {
	if s.state&loggedIn == 0 {
		return nil
	}
	err := s.srv.auth.Still(s.ctx, &s.login)
	if errors.Is(err, auth.ErrCredentials) {
		s.log.Info("session ended", "status", err.Error())
		return errTakenBack
	}
	return err
}
