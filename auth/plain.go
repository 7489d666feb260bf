package auth

import (
	"context"

	"github.com/emersion/go-sasl"
)

func (a *Auth) newPlain(ctx context.Context, p Peer, done func(Identity)) sasl.Server {
	return newPlain(a.passwordCheck(ctx, p, done))
}

func (a *Auth) newLogin(ctx context.Context, p Peer, done func(Identity)) sasl.Server {
	return &login{check: a.passwordCheck(ctx, p, done)}
}

func (a *Auth) passwordCheck(ctx context.Context, p Peer, done func(Identity)) func(login, password string) error {
	return func(login, password string) error {
		id, err := a.Plain(ctx, p, login, password)
		if err == nil {
			done(id)
		}
		return err
	}
}

// plain is go-sasl's server, with an error of ours for a malformed response.
type plain struct {
	sasl.Server
	asked bool
}

// newPlain refuses an authorization identity other than the login itself: to
// act as somebody else is not offered (RFC 4616 §2).
func newPlain(check func(login, password string) error) *plain {
	p := new(plain)
	p.Server = sasl.NewPlainServer(func(identity, login, password string) error {
		p.asked = true
		if identity != "" && loginKey(identity) != loginKey(login) {
			return ErrCredentials
		}
		return check(login, password)
	})
	return p
}

func (p *plain) Next(response []byte) ([]byte, bool, error) {
	challenge, done, err := p.Server.Next(response)
	if err != nil && !p.asked {
		err = ErrSyntax
	}
	return challenge, done, err
}

// login asks for the name, then for the password. Some programs give the name
// as the initial response.
type login struct {
	check func(login, password string) error
	asked int
	name  string
}

func (l *login) Next(response []byte) (challenge []byte, done bool, err error) {
	if l.asked == 0 && response == nil {
		l.asked = 1
		return []byte("Username:"), false, nil
	}
	switch {
	case l.asked <= 1:
		l.name, l.asked = string(response), 2
		return []byte("Password:"), false, nil
	case l.asked == 2:
		l.asked = 3
		err := l.check(l.name, string(response))
		return nil, err == nil, err
	}
	return nil, false, ErrSyntax
}
