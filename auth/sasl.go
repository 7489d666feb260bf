package auth

import (
	"context"

	"github.com/emersion/go-sasl"
)

// mechanism is a row of the table of mechanisms.
type mechanism struct {
	name    string
	offered func(*Auth, Peer) bool // nil: always
	server  func(a *Auth, ctx context.Context, p Peer, done func(Identity)) sasl.Server
}

// mechanisms, the safest first: many programs take the first that they know.
//
// What is missing is missing on purpose. CRAM-MD5 and DIGEST-MD5 (RFC 6331
// moved it to historic) need passwords that can be read back, NTLM needs their
// MD4; all three are broken, and over TLS none is safer than PLAIN.
var mechanisms = []mechanism{
	{plusName, (*Auth).offersSCRAMPlus, (*Auth).newSCRAMPlus},
	{scramName, (*Auth).offersSCRAM, (*Auth).newSCRAM},
	{sasl.External, (*Auth).offersExternal, (*Auth).newExternal},
	{bearerName, (*Auth).offersBearer, (*Auth).newOAuthBearer},
	{xoauth2Name, (*Auth).offersBearer, (*Auth).newXOAuth2},
	{sasl.Plain, nil, (*Auth).newPlain},
	{sasl.Login, nil, (*Auth).newLogin},
}

func (m *mechanism) isOffered(a *Auth, p Peer) bool {
	return (p.TLS || p.Trusted) && (m.offered == nil || m.offered(a, p)) // RFC 8314 §3.3
}

// Mechanisms are those to announce to p: none without TLS, unless it is trusted.
func (a *Auth) Mechanisms(p Peer) (names []string) {
	for _, m := range mechanisms {
		if m.isOffered(a, p) {
			names = append(names, m.name)
		}
	}
	return names
}

// Server runs one exchange of a mechanism that Mechanisms announces; another
// fails with ErrMechanism. Its Next fails as Plain does, or with ErrSyntax;
// when it succeeds, done has been called.
func (a *Auth) Server(ctx context.Context, mech string, p Peer, done func(Identity)) (sasl.Server, error) {
	for _, m := range mechanisms {
		if m.name == mech && m.isOffered(a, p) {
			return m.server(a, ctx, p, done), nil
		}
	}
	return nil, ErrMechanism
}
