package sign

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Key is a public key as a domain publishes it (RFC 6376 §3.6.1, RFC 8463).
type Key struct{ public crypto.PublicKey }

// Sizes of an RSA key in bits: smaller ones prove nothing (RFC 8301 §3.2),
// larger ones cost more than a message is worth.
const (
	minRSA = 1024
	maxRSA = 8192
)

// ParseKey reads a key record. A revoked one is an error.
func ParseKey(txt string) (Key, error) {
	t, err := ParseTags(txt)
	if err != nil {
		return Key{}, err
	}
	if v, ok := t["v"]; ok && v != "DKIM1" {
		return Key{}, errors.New("the key record is of another version")
	}
	if h, ok := t["h"]; ok && !listed(h, "sha256") {
		return Key{}, errors.New("the key is not for SHA-256")
	}
	if s, ok := t["s"]; ok && !listed(s, "email") && !listed(s, "*") {
		return Key{}, errors.New("the key is not for mail")
	}
	der, err := base64.StdEncoding.DecodeString(squeeze(t["p"]))
	if err != nil || len(der) == 0 {
		return Key{}, errors.New("the key is revoked or malformed")
	}
	switch t["k"] {
	case "", "rsa":
		return rsaKey(der)
	case "ed25519":
		if len(der) == ed25519.PublicKeySize {
			return Key{ed25519.PublicKey(der)}, nil
		}
	}
	return Key{}, errors.New("the key is of no kind we know")
}

// rsaKey reads a SubjectPublicKeyInfo, or the bare RSAPublicKey that RFC 6376
// asks for and few publish.
func rsaKey(der []byte) (Key, error) {
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		public, err = x509.ParsePKCS1PublicKey(der)
	}
	k, ok := public.(*rsa.PublicKey)
	if err != nil || !ok || k.N.BitLen() < minRSA || k.N.BitLen() > maxRSA {
		return Key{}, errors.New("the RSA key is malformed, too small or too large")
	}
	return Key{k}, nil
}

func listed(list, word string) bool {
	return slices.Contains(strings.Split(squeeze(list), ":"), word)
}

// PublicKey is the public half of a private key in PKCS #8.
func PublicKey(pkcs8 []byte) (Key, error) {
	s, err := privateKey(pkcs8)
	if err != nil {
		return Key{}, err
	}
	return Key{s.Public()}, nil
}

func privateKey(pkcs8 []byte) (crypto.Signer, error) {
	private, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	s, ok := private.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key cannot sign")
	}
	return s, nil
}

// verify checks a signature over data by the algorithm of an a= tag.
func (k Key) verify(algorithm string, data, signature []byte) error {
	hash := sha256.Sum256(data)
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		if algorithm == "rsa-sha256" {
			return rsa.VerifyPKCS1v15(public, crypto.SHA256, hash[:], signature)
		}
	case ed25519.PublicKey:
		if algorithm == "ed25519-sha256" {
			if ed25519.Verify(public, hash[:], signature) { // RFC 8463 §3: of the hash
				return nil
			}
			return errors.New("verification error")
		}
	}
	return fmt.Errorf("the algorithm %.20q does not fit the key", algorithm)
}
