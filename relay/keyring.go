package relay

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"posthorn/store"
)

// keyring keeps DKIM keys as they sign. Reading an RSA key from the store and
// checking it for each message would cost as much as the signature.
type keyring struct {
	read Keys

	mu      sync.Mutex
	domains map[string]keyed // guarded by mu, by domain as asked for
}

// keyed is the keys of one domain, or that it has none.
type keyed struct {
	keys  []signingKey
	until time.Time
}

// signingKey is a key of a domain, in its ASCII form.
type signingKey struct {
	domain, selector string
	private          crypto.Signer
}

// Keys that were made or taken away count after keyTime.
const (
	keyTime  = time.Minute
	maxKeyed = 1000
)

// newKeyring reads from keys; nil gives none, and nobody signs.
func newKeyring(keys Keys) *keyring {
	if keys == nil {
		return nil
	}
	return &keyring{read: keys, domains: make(map[string]keyed)}
}

// of gives the keys of the domain, or of one above it: relaxed alignment takes a
// parent's, and reports come from this host's own name.
func (k *keyring) of(ctx context.Context, domain string) ([]signingKey, error) {
	domain = asciiDomain(domain)
	k.mu.Lock()
	known, ok := k.domains[domain]
	k.mu.Unlock()
	if ok && time.Now().Before(known.until) {
		return known.keys, nil
	}
	keys, err := k.find(ctx, domain)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.domains) >= maxKeyed {
		clear(k.domains)
	}
	k.domains[domain] = keyed{keys, time.Now().Add(keyTime)}
	return keys, nil
}

func (k *keyring) find(ctx context.Context, domain string) ([]signingKey, error) {
	for ; strings.Contains(domain, "."); _, domain, _ = strings.Cut(domain, ".") {
		stored, err := k.read(ctx, domain)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("DKIM keys of %s: %w", domain, err)
		}
		if len(stored) > 0 {
			return parseKeys(stored)
		}
	}
	return nil, nil
}

func parseKeys(stored []store.DKIMKey) ([]signingKey, error) {
	keys := make([]signingKey, len(stored))
	for i, s := range stored {
		private, err := x509.ParsePKCS8PrivateKey(s.Private)
		if err != nil {
			return nil, fmt.Errorf("DKIM key %s._domainkey.%s: %w", s.Selector, s.Domain, err)
		}
		signer, ok := private.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("DKIM key %s._domainkey.%s cannot sign", s.Selector, s.Domain)
		}
		keys[i] = signingKey{asciiDomain(s.Domain), s.Selector, signer}
	}
	return keys, nil
}
