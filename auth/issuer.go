package auth

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"posthorn/internal/serve"
)

// OIDCConfig is the table [auth.oidc].
type OIDCConfig struct {
	Issuer   string `toml:"issuer"`   // its URL, exactly as in its tokens; "" for none
	Audience string `toml:"audience"` // whom a token must be for: this server, as the issuer calls it
	Scope    string `toml:"scope"`    // that a token must grant; "" for any
	Claim    string `toml:"claim"`    // that names the login

	ClientID         string `toml:"client_id"`          // to ask the issuer about tokens that are no JWT (RFC 7662); "": they are refused
	ClientSecretFile string `toml:"client_secret_file"` // its first line is the secret
	CAFile           string `toml:"ca_file"`            // certificates to trust instead of the system's, PEM
}

// Check finds mistakes; the error begins with the key.
func (c *OIDCConfig) Check() error {
	switch {
	case c.Issuer == "" && c.Audience+c.Scope+c.ClientID+c.ClientSecretFile+c.CAFile != "":
		return errors.New("auth.oidc.issuer: without one nothing else in [auth.oidc] counts")
	case c.Issuer == "":
		return nil
	case !isSafeURL(c.Issuer):
		return fmt.Errorf("auth.oidc.issuer: %q is no https URL", c.Issuer)
	case c.Audience == "":
		return errors.New("auth.oidc.audience: without one any token of the issuer would do, whomever it was made for")
	case c.Claim == "":
		return errors.New("auth.oidc.claim: something has to name the login")
	case c.ClientID != "" && c.ClientSecretFile == "":
		return errors.New("auth.oidc.client_secret_file: there is no secret to client_id")
	}
	return nil
}

// isSafeURL: tokens and keys travel by TLS, or on this machine.
func isSafeURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// How the issuer is asked.
const (
	askTime    = 10 * time.Second // for one answer
	askAgain   = 10 * time.Second // between two questions for keys that were in vain
	keysFresh  = time.Hour        // keys are asked for again then
	keysUsable = 24 * time.Hour   // and used no longer, when the issuer does not answer
	maxAnswer  = 1 << 20          // octets
	maxKeys    = 100
)

// issuer is an OpenID provider: it signs tokens, or answers for them. Its keys
// are fetched when a token needs one, and again when a token names one that is
// not known, as after a rotation.
type issuer struct {
	cfg    OIDCConfig
	secret string
	http   *http.Client
	asking chan struct{} // a slot: one session asks, the others wait for it

	mu      sync.Mutex // guards what follows
	meta    metadata
	keys    []jose.JSONWebKey
	fetched time.Time // when keys came
	asked   time.Time // when they were asked for last
	failed  error     // what came of it
}

// metadata is what is needed of OpenID Connect Discovery 1.0 §3, RFC 8414.
type metadata struct {
	Issuer        string `json:"issuer"`
	Keys          string `json:"jwks_uri"`
	Introspection string `json:"introspection_endpoint"`
}

// newIssuer reads the files of cfg; it asks nobody yet.
func newIssuer(cfg OIDCConfig) (*issuer, error) {
	i := &issuer{cfg: cfg, asking: make(chan struct{}, 1)}
	pool, err := serve.ReadPool(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("auth.oidc.ca_file: %w", err)
	}
	if cfg.ClientID != "" {
		text, err := os.ReadFile(cfg.ClientSecretFile)
		if err != nil {
			return nil, fmt.Errorf("auth.oidc.client_secret_file: %w", err)
		}
		i.secret, _, _ = strings.Cut(string(text), "\n")
		i.secret = strings.TrimSuffix(i.secret, "\r")
	}
	i.http = &http.Client{
		Timeout:       askTime,
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a token goes where the config says
	}
	return i, nil
}

// discovery is where the issuer describes itself.
func (i *issuer) discovery() string {
	return strings.TrimSuffix(i.cfg.Issuer, "/") + "/.well-known/openid-configuration"
}

var errUnknownKey = errors.New("signed with a key that the issuer does not have")

// key gives the keys that a token may be signed with: those named kid, or all for
// "". It fails with errUnknownKey, or because the issuer does not answer.
func (i *issuer) key(ctx context.Context, kid string) ([]jose.JSONWebKey, error) {
	if keys, age := i.known(kid); len(keys) > 0 && age < keysFresh {
		return keys, nil
	}
	select {
	case i.asking <- struct{}{}:
		defer func() { <-i.asking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	keys, age := i.known(kid) // another session may have asked meanwhile
	if len(keys) > 0 && age < keysFresh {
		return keys, nil
	}
	err := i.fetch(ctx)
	keys, age = i.known(kid)
	switch {
	case len(keys) > 0 && age < keysUsable:
		return keys, nil
	case err != nil:
		return nil, err
	}
	return nil, errUnknownKey
}

// keysAnew asks for keys although there are some, unless that was done just now.
func (i *issuer) keysAnew(ctx context.Context) ([]jose.JSONWebKey, error) {
	select {
	case i.asking <- struct{}{}:
		defer func() { <-i.asking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	err := i.fetch(ctx)
	keys, _ := i.known("")
	return keys, err
}

// known are the keys that were fetched, and how long ago.
func (i *issuer) known(kid string) (keys []jose.JSONWebKey, age time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, k := range i.keys {
		if kid == "" || k.KeyID == kid {
			keys = append(keys, k)
		}
	}
	return keys, time.Since(i.fetched)
}

// fetch asks for keys, unless that was done just now: whoever makes up names of
// keys does not make us ask without end. It is called in the slot.
func (i *issuer) fetch(ctx context.Context) error {
	i.mu.Lock()
	asked, failed := i.asked, i.failed
	i.mu.Unlock()
	if time.Since(asked) < askAgain {
		return failed
	}
	meta, keys, err := i.ask(ctx)
	i.mu.Lock()
	defer i.mu.Unlock()
	if ctx.Err() == nil { // who went away has learned nothing
		i.asked, i.failed = time.Now(), err
	}
	if err == nil {
		i.meta, i.keys, i.fetched = meta, keys, i.asked
	}
	return err
}

// ask fetches the issuer's description and its keys.
func (i *issuer) ask(ctx context.Context) (m metadata, keys []jose.JSONWebKey, err error) {
	if m, err = i.describe(ctx); err != nil {
		return m, nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := i.get(ctx, m.Keys, &set); err != nil {
		return m, nil, err
	}
	for _, text := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var k jose.JSONWebKey
		// RFC 7517 §5: keys of kinds that are not known are passed over.
		if json.Unmarshal(text, &k) == nil && k.Use != "enc" && k.IsPublic() {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return m, nil, fmt.Errorf("%s holds no key", m.Keys)
	}
	return m, keys, nil
}

func (i *issuer) describe(ctx context.Context) (m metadata, err error) {
	if err := i.get(ctx, i.discovery(), &m); err != nil {
		return m, err
	}
	switch {
	case m.Issuer != i.cfg.Issuer: // OpenID Connect Discovery 1.0 §4.3
		return m, fmt.Errorf("%s describes the issuer %q", i.discovery(), m.Issuer)
	case !isSafeURL(m.Keys):
		return m, fmt.Errorf("%s has no https jwks_uri", i.discovery())
	}
	return m, nil
}

// get reads JSON.
func (i *issuer) get(ctx context.Context, from string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	return i.do(req, into)
}

func (i *issuer) do(req *http.Request, into any) error {
	req.Header.Set("Accept", "application/json")
	res, err := i.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask the issuer: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case err != nil:
		return fmt.Errorf("ask the issuer: %s: %w", req.URL, err)
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("ask the issuer: %s answers %s", req.URL, res.Status)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("ask the issuer: %s: %w", req.URL, err)
	}
	return nil
}

// introspect asks about a token (RFC 7662). What it gives are the members of the
// answer.
func (i *issuer) introspect(ctx context.Context, token string) (map[string]any, error) {
	i.mu.Lock()
	endpoint := i.meta.Introspection
	i.mu.Unlock()
	if endpoint == "" {
		if _, err := i.key(ctx, ""); err != nil { // brings the description with it
			return nil, err
		}
		i.mu.Lock()
		endpoint = i.meta.Introspection
		i.mu.Unlock()
	}
	if !isSafeURL(endpoint) {
		return nil, fmt.Errorf("%s has no https introspection_endpoint", i.discovery())
	}
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(i.cfg.ClientID), url.QueryEscape(i.secret)) // RFC 6749 §2.3.1
	var answer map[string]any
	return answer, i.do(req, &answer)
}
