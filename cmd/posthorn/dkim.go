package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"time"

	"posthorn/store"
)

// dkimBits is the RSA key size that RFC 8301 §3.2 recommends for signers, and
// the largest whose record every DNS panel takes.
const dkimBits = 2048

// newDKIMKeys makes a domain's signing keys: RSA, which every receiver
// verifies, and Ed25519 (RFC 8463). The selectors carry the date, so that new
// keys can stand beside old ones.
func newDKIMKeys(domain string, now time.Time) ([]store.DKIMKey, error) {
	day := now.UTC().Format("20060102")
	r, err := rsa.GenerateKey(rand.Reader, dkimBits)
	if err != nil {
		return nil, fmt.Errorf("make DKIM key: %w", err)
	}
	_, e, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make DKIM key: %w", err)
	}
	keys := []store.DKIMKey{
		{Domain: domain, Selector: "rsa" + day, Algorithm: "rsa"},
		{Domain: domain, Selector: "ed" + day, Algorithm: "ed25519"},
	}
	for i, private := range []any{r, e} {
		if keys[i].Private, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
			return nil, fmt.Errorf("write DKIM key: %w", err)
		}
	}
	return keys, nil
}

// dkimRecord is the text of a key's TXT record (RFC 6376 §3.6.1): for RSA the
// SubjectPublicKeyInfo, for Ed25519 the bare 32 octets (RFC 8463 §4.2).
func dkimRecord(k store.DKIMKey) (string, error) {
	private, err := x509.ParsePKCS8PrivateKey(k.Private)
	if err != nil {
		return "", fmt.Errorf("DKIM key %s: %w", k.Selector, err)
	}
	var public []byte
	switch p := private.(type) {
	case *rsa.PrivateKey:
		public, err = x509.MarshalPKIXPublicKey(p.Public())
		if err != nil {
			return "", fmt.Errorf("DKIM key %s: %w", k.Selector, err)
		}
	case ed25519.PrivateKey:
		public = p.Public().(ed25519.PublicKey)
	default:
		return "", fmt.Errorf("DKIM key %s: a key of the kind %T cannot sign", k.Selector, private)
	}
	return "v=DKIM1; k=" + k.Algorithm + "; p=" + base64.StdEncoding.EncodeToString(public), nil
}
