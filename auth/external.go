package auth

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-sasl"

	"posthorn/store"
)

// external lets in whoever has shown a client certificate in the TLS handshake
// (RFC 4422, Appendix A).
type external struct {
	a     *Auth
	ctx   context.Context
	peer  Peer
	done  func(Identity)
	asked bool
}

func (a *Auth) newExternal(ctx context.Context, p Peer, done func(Identity)) sasl.Server {
	return &external{a: a, ctx: ctx, peer: p, done: done}
}

// offersExternal: there is a certificate of the client, and it names somebody.
func (a *Auth) offersExternal(p Peer) bool {
	logins, _ := certified(p)
	return len(logins) > 0
}

// Next takes the authorization identity, "" for whom the certificate names.
func (e *external) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil && !e.asked {
		e.asked = true
		return []byte{}, false, nil
	}
	if !utf8.Valid(response) {
		return nil, false, ErrSyntax
	}
	logins, err := certified(e.peer)
	if err != nil {
		e.a.log.Debug("client certificate not taken", "peer", e.peer.Addr.String(), "error", err)
	}
	key := loginKey(string(response))
	if len(response) == 0 && len(logins) == 1 {
		key = logins[0]
	}
	id, err := e.a.attempt(e.ctx, e.peer, key, "", func() (Identity, error) {
		for _, l := range logins {
			if l == key {
				return e.a.admitted(e.ctx, key)
			}
		}
		return Identity{}, fmt.Errorf("%w: the certificate is for %q", ErrCredentials, logins)
	})
	if err != nil {
		return nil, false, err
	}
	e.done(id)
	return nil, true, nil
}

// admitted is the account of a login that was proved without a password of
// ours.
func (a *Auth) admitted(ctx context.Context, key string) (Identity, error) {
	account, err := a.dir.AccountByLogin(ctx, key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Identity{}, errUnknown
	case err != nil:
		return Identity{}, fmt.Errorf("look up login: %w", err)
	case !account.Enabled:
		return Identity{}, errDisabled
	}
	return Identity{Account: account.ID, Login: account.Login, checked: time.Now()}, nil
}

// certified are the logins in the client's certificate: its rfc822Names or,
// where it has none, the emailAddress of its subject (RFC 5280 §4.1.2.6).
func certified(p Peer) (logins []string, err error) {
	if p.Channel == nil {
		return nil, nil
	}
	cert, err := p.Channel.Client(time.Now())
	if cert == nil {
		return nil, err
	}
	names := cert.EmailAddresses
	if len(names) == 0 {
		names = subjectEmail(cert)
	}
	for _, n := range names {
		logins = append(logins, loginKey(n))
	}
	return logins, nil
}

// oidEmail is emailAddress of PKCS #9 (RFC 2985 §5.2.1).
var oidEmail = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}

func subjectEmail(cert *x509.Certificate) (names []string) {
	for _, n := range cert.Subject.Names {
		if s, ok := n.Value.(string); ok && n.Type.Equal(oidEmail) {
			names = append(names, s)
		}
	}
	return names
}
