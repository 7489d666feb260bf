package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-sasl"
)

// OAUTHBEARER (RFC 7628) and XOAUTH2, Google's form of it that most programs
// know: the client shows a token that the configured issuer has given it.
const (
	bearerName  = "OAUTHBEARER"
	xoauth2Name = "XOAUTH2"
)

// anyToken counts the guesses of clients that name nobody.
const anyToken = "a bearer token"

// bearer is one exchange of either.
type bearer struct {
	a     *Auth
	ctx   context.Context
	peer  Peer
	done  func(Identity)
	parse func(message string) (name, token string, ok bool)
	deny  func(i *issuer, why error) any // what the client is told of a refusal, as JSON
	fault error                          // of a refusal that was told
}

func (a *Auth) newOAuthBearer(ctx context.Context, p Peer, done func(Identity)) sasl.Server {
	return &bearer{a: a, ctx: ctx, peer: p, done: done, parse: parseOAuthBearer, deny: denyOAuthBearer}
}

func (a *Auth) newXOAuth2(ctx context.Context, p Peer, done func(Identity)) sasl.Server {
	return &bearer{a: a, ctx: ctx, peer: p, done: done, parse: parseXOAuth2, deny: denyXOAuth2}
}

func (a *Auth) offersBearer(Peer) bool { return a.issuer != nil }

// Next takes the token. A refusal is told as a challenge, upon which the client
// has something to say before the exchange fails (RFC 7628 §3.2.3).
func (b *bearer) Next(response []byte) (challenge []byte, done bool, err error) {
	if b.fault != nil {
		return nil, false, b.fault
	}
	if response == nil {
		return []byte{}, false, nil
	}
	name, token, ok := b.parse(string(response))
	if !ok {
		return nil, false, ErrSyntax
	}
	key := anyToken
	if name != "" {
		key = loginKey(name)
	}
	var why error
	id, err := b.a.attempt(b.ctx, b.peer, key, token, func() (id Identity, err error) {
		id, err = b.a.verifyToken(b.ctx, token, key)
		why = err
		return id, err
	})
	switch {
	case err == nil:
		b.done(id)
		return nil, true, nil
	case !errors.Is(err, ErrCredentials):
		return nil, false, err
	}
	b.fault = err
	challenge, err = json.Marshal(b.deny(b.a.issuer, why))
	return challenge, false, err
}

// verifyToken lets in whom the token names, if that is who the client says it
// is.
func (a *Auth) verifyToken(ctx context.Context, token, key string) (Identity, error) {
	v, err := a.judge(ctx, token)
	if err != nil {
		return Identity{}, err
	}
	if key != anyToken && key != v.login {
		return Identity{}, fmt.Errorf("%w: the token is %q's", ErrCredentials, v.login)
	}
	id, err := a.admitted(ctx, v.login)
	id.until = v.until
	return id, err
}

// parseOAuthBearer: RFC 7628 §3.1. Host and port are not looked at: the token's
// audience says whom it is for.
func parseOAuthBearer(message string) (name, token string, ok bool) {
	header, rest, ok := parseGS2(message)
	rest, begins := strings.CutPrefix(rest, "\x01")
	if !ok || header.flag == 'p' || !begins {
		return "", "", false
	}
	token, ok = authPair(rest)
	return header.authzid, token, ok
}

// parseXOAuth2 reads `user=NAME^Aauth=Bearer TOKEN^A^A`.
func parseXOAuth2(message string) (name, token string, ok bool) {
	first, rest, ok1 := strings.Cut(message, "\x01")
	name, ok2 := strings.CutPrefix(first, "user=")
	token, ok3 := authPair(rest)
	return name, token, ok1 && ok2 && ok3
}

// authPair finds the token among pairs `key=value^A`, ended by one more ^A. An
// empty one asks how to get a token (RFC 7628 §4.3).
func authPair(pairs string) (token string, ok bool) {
	pairs, ended := strings.CutSuffix(pairs, "\x01\x01")
	if !ended {
		return "", false
	}
	found := 0
	for _, pair := range strings.Split(pairs, "\x01") {
		key, value, is := strings.Cut(pair, "=")
		if !is || key == "" {
			return "", false
		}
		if key != "auth" {
			continue
		}
		found++
		scheme, credentials, _ := strings.Cut(value, " ")
		if value != "" && !strings.EqualFold(scheme, "Bearer") {
			return "", false
		}
		token = strings.Trim(credentials, " ")
	}
	return token, found == 1 && isToken(token)
}

// isToken: RFC 6750 §2.1, b64token, or nothing.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~+/=", c) >= 0) {
			return false
		}
	}
	return true
}

// denyOAuthBearer: RFC 7628 §3.2.2.
func denyOAuthBearer(i *issuer, why error) any {
	status := "invalid_token"
	if errors.Is(why, errScope) {
		status = "insufficient_scope"
	}
	return struct {
		Status string `json:"status"`
		Scope  string `json:"scope,omitempty"`
		Config string `json:"openid-configuration"`
	}{status, i.cfg.Scope, i.discovery()}
}

// denyXOAuth2 says it as Google does, whose form it is.
func denyXOAuth2(i *issuer, why error) any {
	status := "401"
	if errors.Is(why, errScope) {
		status = "403"
	}
	return struct {
		Status  string `json:"status"`
		Schemes string `json:"schemes"`
		Scope   string `json:"scope,omitempty"`
	}{status, "bearer", i.cfg.Scope}
}
