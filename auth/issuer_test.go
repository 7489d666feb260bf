package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"posthorn/store"
)

// provider is an OpenID provider.
type provider struct {
	t    *testing.T
	http *httptest.Server

	mu     sync.Mutex // guards what follows
	keys   []jose.JSONWebKey
	down   bool
	issuer string // what it calls itself, if not by its address
	opaque map[string]map[string]any
	asked  map[string]int // by path
}

func newProvider(t *testing.T) *provider {
	p := &provider{t: t, opaque: map[string]map[string]any{}, asked: map[string]int{}}
	p.http = httptest.NewServer(p)
	t.Cleanup(p.http.Close)
	return p
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[r.URL.Path]++
	if p.down {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	var answer any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		name := p.http.URL
		if p.issuer != "" {
			name = p.issuer
		}
		answer = map[string]any{"issuer": name, "jwks_uri": p.http.URL + "/keys", "introspection_endpoint": p.http.URL + "/introspect"}
	case "/keys":
		odd := map[string]any{"kty": "new", "kid": "unknown kind"}
		all := []any{odd}
		for _, k := range p.keys {
			all = append(all, k)
		}
		answer = map[string]any{"keys": all}
	case "/introspect":
		if user, password, _ := r.BasicAuth(); user != "mail" || password != "s%3Acret" || r.Method != http.MethodPost {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer = map[string]any{"active": false}
		if said, ok := p.opaque[r.FormValue("token")]; ok {
			answer = said
		}
	}
	json.NewEncoder(w).Encode(answer)
}

func (p *provider) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *provider) count(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

// signer is a key of a provider.
type signer struct {
	kid string
	alg jose.SignatureAlgorithm
	key crypto.Signer
}

var signers = sync.OnceValue(func() (all []signer) {
	r, _ := rsa.GenerateKey(rand.Reader, 2048)
	e, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, d, _ := ed25519.GenerateKey(rand.Reader)
	return []signer{{"rsa", jose.RS256, r}, {"ec", jose.ES256, e}, {"ed", jose.EdDSA, d}}
})

func (s signer) public() jose.JSONWebKey {
	return jose.JSONWebKey{KeyID: s.kid, Key: s.key.Public(), Use: "sig"}
}

func (s signer) sign(t *testing.T, claims map[string]any) string {
	t.Helper()
	j, err := jose.NewSigner(jose.SigningKey{Algorithm: s.alg, Key: jose.JSONWebKey{KeyID: s.kid, Key: s.key}}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	o, err := j.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	token, err := o.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// claims are good for alice, with changes: a nil value takes one away.
func (p *provider) claims(changes map[string]any) map[string]any {
	c := map[string]any{"iss": p.http.URL, "aud": []string{"other", "mail"}, "exp": time.Now().Add(time.Hour).Unix(), "email": "Alice@a.test", "scope": "openid mail.all"}
	for k, v := range changes {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

// newBearer is an Auth with a provider that has all signers' keys.
func newBearer(t *testing.T, shape func(*OIDCConfig)) (*Auth, *fake, *provider, *strings.Builder) {
	t.Helper()
	p := newProvider(t)
	for _, s := range signers() {
		p.keys = append(p.keys, s.public())
	}
	a, f, _ := newFake(t)
	var log strings.Builder
	a.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a.cfg.OIDC = OIDCConfig{Issuer: p.http.URL, Audience: "mail", Claim: "email"}
	if shape != nil {
		shape(&a.cfg.OIDC)
	}
	if err := a.OpenIssuer(); err != nil {
		t.Fatal(err)
	}
	return a, f, p, &log
}

func TestTokens(t *testing.T) {
	now := time.Now()
	rs, es, ed := signers()[0], signers()[1], signers()[2]
	forged := func(p *provider, header string) string {
		body, _ := json.Marshal(p.claims(nil))
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(body) + "."
	}
	for _, c := range []struct {
		what  string
		token func(*provider) string
		want  error
	}{
		{"RS256", func(p *provider) string { return rs.sign(t, p.claims(nil)) }, nil},
		{"ES256", func(p *provider) string { return es.sign(t, p.claims(nil)) }, nil},
		{"EdDSA", func(p *provider) string { return ed.sign(t, p.claims(nil)) }, nil},
		{"audience as a text", func(p *provider) string { return rs.sign(t, p.claims(map[string]any{"aud": "mail"})) }, nil},
		{"a verified address", func(p *provider) string { return rs.sign(t, p.claims(map[string]any{"email_verified": true})) }, nil},
		{"a scope as a list", func(p *provider) string {
			return rs.sign(t, p.claims(map[string]any{"scope": nil, "scp": []string{"mail.all"}}))
		}, nil},
		{"expired a moment ago", func(p *provider) string {
			return rs.sign(t, p.claims(map[string]any{"exp": now.Add(-30 * time.Second).Unix()}))
		}, nil},
		{"expired", func(p *provider) string {
			return rs.sign(t, p.claims(map[string]any{"exp": now.Add(-2 * time.Minute).Unix()}))
		}, ErrCredentials},
		{"without an end", func(p *provider) string { return rs.sign(t, p.claims(map[string]any{"exp": nil})) }, ErrCredentials},
		{"not yet valid", func(p *provider) string {
			return rs.sign(t, p.claims(map[string]any{"nbf": now.Add(5 * time.Minute).Unix()}))
		}, ErrCredentials},
		{"for others", func(p *provider) string { return rs.sign(t, p.claims(map[string]any{"aud": "calendar"})) }, ErrCredentials},
		{"for nobody", func(p *provider) string { return rs.sign(t, p.claims(map[string]any{"aud": nil})) }, ErrCredentials},
		{"of another issuer", func(p *provider) string { return rs.sign(t, p.claims(map[string]any{"iss": "https://else.test"})) }, ErrCredentials},
		{"of no issuer", func(p *provider) string { return rs.sign(t, p.claims(map[string]any{"iss": nil})) }, ErrCredentials},
		{"without the scope", func(p *provider) string { return rs.sign(t, p.claims(map[string]any{"scope": "openid"})) }, ErrCredentials},
		{"without a login", func(p *provider) string { return rs.sign(t, p.claims(map[string]any{"email": nil})) }, ErrCredentials},
		{"an unverified address", func(p *provider) string { return rs.sign(t, p.claims(map[string]any{"email_verified": false})) }, ErrCredentials},
		{"of nobody here", func(p *provider) string { return rs.sign(t, p.claims(map[string]any{"email": "eve@a.test"})) }, ErrCredentials},
		{"of an account that is switched off", func(p *provider) string { return rs.sign(t, p.claims(map[string]any{"email": "off@a.test"})) }, ErrCredentials},
		{"alg none", func(p *provider) string { return forged(p, `{"alg":"none"}`) }, ErrCredentials},
		{"signed with the public key as a secret", func(p *provider) string {
			der, _ := json.Marshal(rs.public())
			j, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: der}, (&jose.SignerOptions{}).WithHeader("kid", "rsa"))
			if err != nil {
				t.Fatal(err)
			}
			text, _ := json.Marshal(p.claims(nil))
			o, err := j.Sign(text)
			if err != nil {
				t.Fatal(err)
			}
			token, _ := o.CompactSerialize()
			return token
		}, ErrCredentials},
		{"another's key under a known name", func(p *provider) string {
			key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			return signer{"ec", jose.ES256, key}.sign(t, p.claims(nil))
		}, ErrCredentials},
		{"an unknown key", func(p *provider) string { return signer{"new", es.alg, es.key}.sign(t, p.claims(nil)) }, ErrCredentials},
		{"changed", func(p *provider) string {
			f := strings.Split(rs.sign(t, p.claims(nil)), ".")
			body, _ := json.Marshal(p.claims(map[string]any{"email": "bob@a.test"}))
			return f[0] + "." + base64.RawURLEncoding.EncodeToString(body) + "." + f[2]
		}, ErrCredentials},
		{"no JWT", func(*provider) string { return "opaque" }, ErrCredentials},
		{"dots alone", func(*provider) string { return ".." }, ErrCredentials},
	} {
		t.Run(c.what, func(t *testing.T) {
			a, _, p, log := newBearer(t, func(c *OIDCConfig) { c.Scope = "mail.all" })
			token := c.token(p)
			for _, login := range []string{"", "alice@a.test"} {
				var got Identity
				s, err := a.Server(t.Context(), "OAUTHBEARER", home, func(id Identity) { got = id })
				if err != nil {
					t.Fatal(err)
				}
				header := "n,,"
				if login != "" {
					header = "n,a=" + login + ","
				}
				challenge, done, err := s.Next([]byte(header + "\x01host=h\x01port=143\x01auth=Bearer " + token + "\x01\x01"))
				if c.want == nil {
					if !done || err != nil || got.Account != 1 {
						t.Errorf("%+v %v %v %s", got, done, err, log)
					}
					continue
				}
				var told map[string]string
				status := "invalid_token"
				if c.what == "without the scope" {
					status = "insufficient_scope"
				}
				if jerr := json.Unmarshal(challenge, &told); jerr != nil || done || err != nil || told["status"] != status || told["scope"] != "mail.all" ||
					told["openid-configuration"] != p.http.URL+"/.well-known/openid-configuration" {
					t.Errorf("%s %v %v", challenge, done, err)
				}
				if _, done, err := s.Next([]byte("\x01")); done || !errors.Is(err, c.want) || got.Account != 0 {
					t.Errorf("%v %v", done, err)
				}
			}
			if strings.Contains(log.String(), token) && len(token) > 10 || strings.Contains(log.String(), token[max(0, len(token)-20):]) && len(token) > 20 {
				t.Errorf("the token stands in the log: %s", log)
			}
		})
	}
}

func TestTokenOfAnother(t *testing.T) {
	a, _, p, _ := newBearer(t, nil)
	token := signers()[1].sign(t, p.claims(nil))
	if _, err := a.verifyToken(t.Context(), token, "bob@a.test"); !errors.Is(err, ErrCredentials) {
		t.Errorf("bob with alice's token: %v", err)
	}
}

// While the issuer does not answer nobody is let in and nobody refused for good;
// keys that were fetched are used for a day.
func TestOutage(t *testing.T) {
	a, _, p, _ := newBearer(t, nil)
	token := signers()[0].sign(t, p.claims(nil))
	p.set(func() { p.down = true })
	if _, err := a.verifyToken(t.Context(), token, anyToken); err == nil || errors.Is(err, ErrCredentials) || strings.Contains(err.Error(), token) {
		t.Errorf("down: %v", err)
	}
	s, err := a.Server(t.Context(), "XOAUTH2", home, func(Identity) { t.Error("let in") })
	if err != nil {
		t.Fatal(err)
	}
	if challenge, done, err := s.Next([]byte("user=alice@a.test\x01auth=Bearer " + token + "\x01\x01")); len(challenge) != 0 || done || err == nil || errors.Is(err, ErrCredentials) {
		t.Errorf("%s %v %v", challenge, done, err)
	}
	if n := p.count("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("asked %d times at once", n)
	}
	p.set(func() { p.down = false })
	ago := func(d time.Duration) {
		a.issuer.mu.Lock()
		defer a.issuer.mu.Unlock()
		a.issuer.asked, a.issuer.fetched = a.issuer.asked.Add(-d), a.issuer.fetched.Add(-d)
	}
	ago(askAgain)
	if _, err := a.verifyToken(t.Context(), token, anyToken); err != nil {
		t.Errorf("back: %v", err)
	}
	p.set(func() { p.down = true })
	ago(keysFresh)
	if _, err := a.verifyToken(t.Context(), token, anyToken); err != nil {
		t.Errorf("down with keys: %v", err)
	}
	ago(keysUsable)
	if _, err := a.verifyToken(t.Context(), token, anyToken); err == nil || errors.Is(err, ErrCredentials) {
		t.Errorf("down for a day: %v", err)
	}
	p.set(func() { p.down, p.issuer = false, "https://else.test" })
	ago(askAgain)
	if _, err := a.verifyToken(t.Context(), token, anyToken); err == nil || errors.Is(err, ErrCredentials) {
		t.Errorf("another issuer at its address: %v", err)
	}
}

func TestRotation(t *testing.T) {
	a, _, p, _ := newBearer(t, nil)
	old, next := signers()[0], signers()[1]
	p.set(func() { p.keys = []jose.JSONWebKey{old.public()} })
	verify := func(s signer) error {
		_, err := a.verifyToken(t.Context(), s.sign(t, p.claims(nil)), anyToken)
		return err
	}
	if err := verify(old); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := verify(next); !errors.Is(err, ErrCredentials) {
			t.Errorf("before: %v", err)
		}
	}
	if n := p.count("/keys"); n != 1 {
		t.Errorf("%d questions for keys nobody has", n)
	}
	p.set(func() { p.keys = []jose.JSONWebKey{next.public()} })
	a.issuer.asked = a.issuer.asked.Add(-askAgain)
	if err := verify(next); err != nil {
		t.Errorf("after: %v", err)
	}
	if err := verify(old); !errors.Is(err, ErrCredentials) {
		t.Errorf("with the old key: %v", err)
	}
}

// An issuer whose keys have no names is asked again when a signature does not
// fit.
func TestRotationWithoutNames(t *testing.T) {
	a, _, p, _ := newBearer(t, nil)
	old, next := signers()[0], signers()[1]
	old.kid, next.kid = "", ""
	verify := func(s signer) error {
		_, err := a.verifyToken(t.Context(), s.sign(t, p.claims(nil)), anyToken)
		return err
	}
	p.set(func() { p.keys = []jose.JSONWebKey{old.public()} })
	if err := verify(old); err != nil {
		t.Fatal(err)
	}
	p.set(func() { p.keys = []jose.JSONWebKey{next.public()} })
	if err := verify(next); !errors.Is(err, ErrCredentials) || p.count("/keys") != 1 {
		t.Errorf("at once: %v, asked %d times", err, p.count("/keys"))
	}
	a.issuer.asked = a.issuer.asked.Add(-askAgain)
	if err := verify(next); err != nil {
		t.Errorf("then: %v", err)
	}
	if err := verify(old); !errors.Is(err, ErrCredentials) || p.count("/keys") != 2 {
		t.Errorf("the old one: %v, asked %d times", err, p.count("/keys"))
	}
}

func TestOpaqueTokens(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s:cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, _, p, _ := newBearer(t, func(c *OIDCConfig) { c.ClientID, c.ClientSecretFile = "mail", secret })
	said := func(changes map[string]any) map[string]any {
		c := p.claims(changes)
		if _, is := changes["active"]; !is {
			c["active"] = true
		}
		return c
	}
	p.opaque = map[string]map[string]any{
		"good":      said(nil),
		"of-client": said(map[string]any{"aud": nil, "client_id": "mail", "exp": nil, "iss": nil}),
		"inactive":  said(map[string]any{"active": false}),
		"expired":   said(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}),
		"others":    said(map[string]any{"aud": "x"}),
		"noaud":     said(map[string]any{"aud": nil}),
		"foreign":   said(map[string]any{"iss": "https://else.test"}),
		"eve":       said(map[string]any{"email": "eve@a.test"}),
	}
	for token, good := range map[string]bool{"good": true, "of-client": true, "inactive": false, "expired": false, "others": false, "noaud": false, "foreign": false, "eve": false, "unknown": false} {
		id, err := a.verifyToken(t.Context(), token, anyToken)
		if good != (err == nil && id.Account == 1) || !good && !errors.Is(err, ErrCredentials) {
			t.Errorf("%s: %v %v", token, id.Account, err)
		}
	}
	before := p.count("/introspect")
	p.set(func() { p.down = true })
	if _, err := a.verifyToken(t.Context(), "good", anyToken); err != nil || p.count("/introspect") != before {
		t.Errorf("a token that was asked about: %v", err)
	}
	for _, token := range []string{"inactive", "another"} {
		if _, err := a.verifyToken(t.Context(), token, anyToken); err == nil || errors.Is(err, ErrCredentials) || strings.Contains(err.Error(), "another") {
			t.Errorf("%s while the issuer is down: %v", token, err)
		}
	}
}

// A session ends with its token.
func TestSessionEndsWithItsToken(t *testing.T) {
	a, _, p, _ := newBearer(t, nil)
	id, err := a.verifyToken(t.Context(), signers()[1].sign(t, p.claims(nil)), anyToken)
	if err != nil {
		t.Fatal(err)
	}
	id.checked = time.Time{}
	if err := a.Still(t.Context(), &id); err != nil {
		t.Error(err)
	}
	id.checked, id.until = time.Time{}, time.Now()
	if err := a.Still(t.Context(), &id); !errors.Is(err, ErrCredentials) {
		t.Errorf("%v", err)
	}
}

func TestBearerSyntax(t *testing.T) {
	a, _, _, _ := newBearer(t, nil)
	for mech, messages := range map[string][]string{
		"OAUTHBEARER": {"", "n,,", "n,,auth=Bearer x\x01\x01", "n,,\x01auth=Bearer x\x01", "n,,\x01auth=Basic x\x01\x01", "n,,\x01auth=Bearer a b\x01\x01",
			"n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01", "p=tls-unique,,\x01auth=Bearer x\x01\x01", "n,,\x01\x01", "n,,\x01=x\x01auth=Bearer x\x01\x01", "n,,\x01host\x01\x01"},
		"XOAUTH2": {"", "user=a", "user=a\x01\x01", "auth=Bearer x\x01\x01", "user=a\x01auth=Bearer x\x01", "user=a\x01auth=Bearer \xff\x01\x01"},
	} {
		for _, m := range messages {
			s, err := a.Server(t.Context(), mech, home, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, done, err := s.Next([]byte(m)); done || !errors.Is(err, ErrSyntax) {
				t.Errorf("%s %q: %v", mech, m, err)
			}
		}
	}
	// RFC 7628 §4.3: nothing shown is a way to ask where tokens come from.
	s := (&bearer{a: a, ctx: t.Context(), peer: home, parse: parseOAuthBearer, deny: denyOAuthBearer})
	if challenge, _, err := s.Next([]byte("n,,\x01auth=\x01\x01")); err != nil || !strings.Contains(string(challenge), "openid-configuration") {
		t.Errorf("%s %v", challenge, err)
	}
	x := (&bearer{a: a, ctx: t.Context(), peer: home, parse: parseXOAuth2, deny: denyXOAuth2})
	if challenge, _, err := x.Next([]byte("user=alice@a.test\x01auth=Bearer x\x01\x01")); err != nil || string(challenge) != `{"status":"401","schemes":"bearer"}` {
		t.Errorf("%s %v", challenge, err)
	}
	if _, _, err := x.Next([]byte{}); !errors.Is(err, ErrCredentials) {
		t.Errorf("%v", err)
	}
}

func TestBearerIsOfferedWhereConfigured(t *testing.T) {
	a, _, _ := newFake(t)
	if err := a.OpenIssuer(); err != nil || slices.Contains(a.Mechanisms(home), "OAUTHBEARER") {
		t.Errorf("%v %v", err, a.Mechanisms(home))
	}
	b, _, _, _ := newBearer(t, nil)
	if m := b.Mechanisms(home); !slices.Equal(m, []string{"OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN"}) {
		t.Errorf("%v", m)
	}
	for _, c := range []struct {
		cfg  OIDCConfig
		want string
	}{
		{OIDCConfig{}, ""},
		{OIDCConfig{Issuer: "https://a.test", Audience: "mail", Claim: "email"}, ""},
		{OIDCConfig{Issuer: "http://[::1]:80", Audience: "mail", Claim: "email"}, ""},
		{OIDCConfig{Issuer: "http://a.test", Audience: "mail", Claim: "email"}, "auth.oidc.issuer: "},
		{OIDCConfig{Issuer: "https://u:p@a.test", Audience: "mail", Claim: "email"}, "auth.oidc.issuer: "},
		{OIDCConfig{Issuer: "https://a.test", Claim: "email"}, "auth.oidc.audience: "},
		{OIDCConfig{Issuer: "https://a.test", Audience: "mail"}, "auth.oidc.claim: "},
		{OIDCConfig{Issuer: "https://a.test", Audience: "mail", Claim: "email", ClientID: "x"}, "auth.oidc.client_secret_file: "},
	} {
		err := c.cfg.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: %v", c.cfg, err)
		}
	}
}

func TestVerdictsAreBounded(t *testing.T) {
	var c verdicts
	var k cache
	for i := range maxVerdicts + 10 {
		c.add(k.mac(string(rune(i))), verdict{until: time.Now().Add(time.Hour)}, time.Minute)
	}
	if len(c.known) > maxVerdicts {
		t.Errorf("%d", len(c.known))
	}
	c.known = nil
	c.add(k.mac("x"), verdict{until: time.Now()}, time.Minute)
	if _, ok := c.get(k.mac("x")); ok {
		t.Error("a token outlives itself")
	}
}

// No message makes it panic, and none without a signature lets anybody in.
func FuzzBearer(f *testing.F) {
	f.Add("n,a=alice@a.test,\x01auth=Bearer eyJhbGciOiJub25lIn0.e30.\x01\x01")
	f.Add("user=alice@a.test\x01auth=Bearer x.y.z\x01\x01")
	f.Fuzz(func(t *testing.T, message string) {
		a := newAuth(&fake{accounts: map[string]store.Account{}}, DefaultConfig(), slog.New(slog.DiscardHandler))
		a.issuer = &issuer{cfg: OIDCConfig{Issuer: "https://a.test", Audience: "mail", Claim: "email"}, asking: make(chan struct{}, 1),
			asked: time.Now().Add(time.Hour), failed: errors.New("nobody is asked here")}
		for _, parse := range []func(string) (string, string, bool){parseOAuthBearer, parseXOAuth2} {
			s := &bearer{a: a, ctx: context.Background(), peer: home, parse: parse, deny: denyXOAuth2, done: func(Identity) { t.Error("logged in") }}
			if _, done, err := s.Next([]byte(message)); done {
				t.Errorf("%q: %v", message, err)
			}
		}
	})
}
