package imapd

import (
	"context"

	"github.com/emersion/go-sasl"

	"posthorn/auth"
)

// Authenticator says who may log in; *auth.Auth is one.
type Authenticator interface {
	// Mechanisms are those offered to a peer: none where it may not log in.
	Mechanisms(auth.Peer) []string
	Plain(ctx context.Context, p auth.Peer, login, password string) (auth.Identity, error)
	// Still is auth.ErrCredentials once a login counts no more.
	Still(ctx context.Context, id *auth.Identity) error
	Server(ctx context.Context, mechanism string, p auth.Peer, done func(auth.Identity)) (sasl.Server, error)
}
