package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// skew is how far the issuer's clock may be from ours.
const skew = time.Minute

// maxToken bounds a token, in octets.
const maxToken = 32 << 10

// algorithms are those with a public key. With the others (`none`, HMAC) anybody
// could sign.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}

// verdict is what a token is good for.
type verdict struct {
	login string // in key form
	until time.Time
}

// errScope and errToken: the client needs another token. Their texts are for the
// log, the token is in none of them.
var errScope = fmt.Errorf("%w: the token does not grant the scope", ErrCredentials)

func errToken(format string, args ...any) error {
	return fmt.Errorf("%w: bearer token: %w", ErrCredentials, fmt.Errorf(format, args...))
}

// judge tells whom a token lets in. It fails with ErrCredentials, or, when the
// issuer cannot be asked, with another error: then nobody knows.
func (a *Auth) judge(ctx context.Context, token string) (verdict, error) {
	switch {
	case token == "" || len(token) > maxToken:
		return verdict{}, errToken("%d octets", len(token))
	case strings.Count(token, ".") == 2:
		return a.issuer.judgeJWT(ctx, token)
	case a.issuer.cfg.ClientID == "":
		return verdict{}, errToken("it is no JWT")
	}
	m := a.verified.mac("bearer", token)
	if v, ok := a.verdicts.get(m); ok {
		return v, nil
	}
	v, err := a.issuer.judgeOpaque(ctx, token, time.Duration(a.cfg.Remember))
	if err == nil {
		a.verdicts.add(m, v, time.Duration(a.cfg.Remember))
	}
	return v, err
}

// judgeJWT decides by the signature (RFC 7519, RFC 9068 §4).
func (i *issuer) judgeJWT(ctx context.Context, token string) (v verdict, err error) {
	t, err := jwt.ParseSigned(token, algorithms)
	if err != nil || len(t.Headers) != 1 {
		return v, errToken("no JWT, or not signed with a public key")
	}
	keys, err := i.key(ctx, t.Headers[0].KeyID)
	if errors.Is(err, errUnknownKey) {
		return v, errToken("%w", err)
	}
	if err != nil {
		return v, err
	}
	var std jwt.Claims
	var all map[string]any
	signed := isSigned(t, keys, &std, &all)
	if !signed && t.Headers[0].KeyID == "" { // after a rotation nothing else tells
		if keys, err = i.keysAnew(ctx); err != nil {
			return v, err
		}
		signed = isSigned(t, keys, &std, &all)
	}
	if !signed {
		return v, errToken("the signature is wrong")
	}
	if std.Expiry == nil {
		return v, errToken("it never expires")
	}
	expected := jwt.Expected{Issuer: i.cfg.Issuer, AnyAudience: jwt.Audience{i.cfg.Audience}, Time: time.Now()}
	if err := std.ValidateWithLeeway(expected, skew); err != nil {
		return v, errToken("%w", err)
	}
	return i.subject(all, std.Expiry.Time())
}

// isSigned reads the claims if one of keys has signed them.
func isSigned(t *jwt.JSONWebToken, keys []jose.JSONWebKey, claims ...any) bool {
	for _, k := range keys {
		if k.Algorithm != "" && k.Algorithm != t.Headers[0].Algorithm {
			continue
		}
		if t.Claims(k.Key, claims...) == nil {
			return true
		}
	}
	return false
}

// judgeOpaque decides by asking the issuer (RFC 7662 §2.2). A token without an
// end is asked about again after a while.
func (i *issuer) judgeOpaque(ctx context.Context, token string, again time.Duration) (v verdict, err error) {
	said, err := i.introspect(ctx, token)
	if err != nil {
		return v, err
	}
	now := time.Now()
	until := now.Add(again)
	if exp, ok := said["exp"].(float64); ok {
		until = time.Unix(int64(exp), 0)
	}
	issuer, named := said["iss"]
	switch {
	case said["active"] != true:
		return v, errToken("the issuer says that it is not active")
	case !now.Before(until.Add(skew)):
		return v, errToken("it has expired")
	case named && issuer != i.cfg.Issuer:
		return v, errToken("it is another issuer's")
	case !slices.Contains(words(said["aud"]), i.cfg.Audience) && said["client_id"] != i.cfg.Audience:
		return v, errToken("it is for somebody else")
	}
	return i.subject(said, until)
}

// subject reads the login and the scope out of a token's claims.
func (i *issuer) subject(claims map[string]any, until time.Time) (verdict, error) {
	if i.cfg.Scope != "" && !slices.Contains(append(words(claims["scope"]), words(claims["scp"])...), i.cfg.Scope) {
		return verdict{}, errScope
	}
	name, ok := claims[i.cfg.Claim].(string)
	if !ok || name == "" {
		return verdict{}, errToken("it has no claim %s", i.cfg.Claim)
	}
	// OpenID Connect Core 1.0 §5.1: an address that was only typed proves nobody.
	if verified, said := claims["email_verified"]; i.cfg.Claim == "email" && said && verified != true && verified != "true" {
		return verdict{}, errToken("its email address was never verified")
	}
	return verdict{loginKey(name), until.Add(skew)}, nil
}

// words are the strings of a list, or of a text with spaces between them.
func words(v any) (all []string) {
	switch v := v.(type) {
	case string:
		return strings.Fields(v)
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok {
				all = append(all, s)
			}
		}
	}
	return all
}

// maxVerdicts bounds the tokens that are remembered.
const maxVerdicts = 20_000

// verdicts remembers tokens that the issuer has answered for.
type verdicts struct {
	mu    sync.Mutex // guards known
	known map[mac]remembered
}

type remembered struct {
	verdict
	until time.Time
}

func (c *verdicts) get(m mac) (verdict, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.known[m]
	return r.verdict, ok && time.Now().Before(r.until)
}

// add remembers v for as long as it is good, and for life at most.
func (c *verdicts) add(m mac, v verdict, life time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.known == nil {
		c.known = map[mac]remembered{}
	}
	if len(c.known) >= maxVerdicts {
		for k, r := range c.known {
			if !now.Before(r.until) {
				delete(c.known, k)
			}
		}
	}
	if until := now.Add(life); len(c.known) < maxVerdicts {
		if v.until.Before(until) {
			until = v.until
		}
		c.known[m] = remembered{v, until}
	}
}
