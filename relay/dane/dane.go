// Package dane verifies a mail server by the TLSA records of its name.
//
// RFCs: 6698 and 7671 (TLSA), 7672 (what SMTP makes of them). Only DANE-TA(2) and
// DANE-EE(3) count: the certificate authorities that PKIX-TA(0) and PKIX-EE(1)
// ask for besides are nobody's to name between mail servers (RFC 7672 §3.1.3).
// Notable divergence: an authority that a record gives only by its whole key (2 1
// 0) must be among the certificates the server sends, as RFC 7671 §5.2.2 asks of
// servers anyway.
package dane

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"posthorn/internal/dns"
)

// The certificate usages (RFC 7218 §2.1).
const (
	usageTA = 2
	usageEE = 3
)

// Usable leaves those of records that a server can be verified by (RFC 7671 §4.1,
// RFC 7672 §3.1): known usage, selector and matching type, and data of the shape
// that these need. Of digests of the same kind only the strongest counts (RFC
// 7671 §9).
func Usable(records []dns.TLSA) []dns.TLSA {
	var usable []dns.TLSA
	for _, r := range records[:min(len(records), maxRecords)] {
		if wellFormed(r) && !weaker(r, records) {
			usable = append(usable, r)
		}
	}
	return usable
}

func wellFormed(r dns.TLSA) bool {
	if r.Usage != usageTA && r.Usage != usageEE || r.Selector > 1 {
		return false
	}
	switch r.Matching {
	case 0:
		return whole(r) == nil
	case 1:
		return len(r.Data) == sha256.Size
	case 2:
		return len(r.Data) == sha512.Size
	}
	return false
}

// whole tells what is wrong with a record that gives all of a certificate or key.
func whole(r dns.TLSA) (err error) {
	if r.Selector == 0 {
		_, err = x509.ParseCertificate(r.Data)
	} else {
		_, err = x509.ParsePKIXPublicKey(r.Data)
	}
	return err
}

// weaker tells whether r is a SHA-256 digest beside a SHA-512 one for the same.
func weaker(r dns.TLSA, records []dns.TLSA) bool {
	if r.Matching != 1 {
		return false
	}
	for _, o := range records {
		if o.Usage == r.Usage && o.Selector == r.Selector && o.Matching == 2 && wellFormed(o) {
			return true
		}
	}
	return false
}

// ErrNoMatch: the server's certificates are other than the records say.
var ErrNoMatch = errors.New("the certificate is another than the TLSA records say")

// Verify tells whether the server that presented chain, its own certificate
// first, is the one that records (Usable, at least one) are about. names are what
// it may be called, which counts for records of an authority only: one for the
// server's own certificate says all there is to know about it, whatever name and
// dates stand in it (RFC 7672 §3.1.1).
func Verify(records []dns.TLSA, chain []*x509.Certificate, names []string, now time.Time) error {
	if len(chain) == 0 {
		return errors.New("the server has no certificate")
	}
	records, chain = records[:min(len(records), maxRecords)], chain[:min(len(chain), maxChain)]
	var authorities []dns.TLSA
	for _, r := range records {
		switch {
		case r.Usage == usageEE && matches(r, chain[0]):
			return nil
		case r.Usage == usageTA:
			authorities = append(authorities, r)
		}
	}
	err := verifyBelow(authorities, chain, names, now)
	if errors.Is(err, ErrNoMatch) {
		key := sha256.Sum256(chain[0].RawSubjectPublicKeyInfo)
		return fmt.Errorf("%w (the one for its key is 3 1 1 %s)", ErrNoMatch, hex.EncodeToString(key[:]))
	}
	return err
}

// Both what a domain publishes and what its server presents are a stranger's: each
// is looked at as far as honest ones go, and the signatures of all of it are
// verified in one go, which the library bounds.
const (
	maxRecords = 64
	maxChain   = 16
)

// verifyBelow verifies chain up to an authority that one of records names.
func verifyBelow(records []dns.TLSA, chain []*x509.Certificate, names []string, now time.Time) error {
	anchors, found := x509.NewCertPool(), false
	for _, r := range records {
		for _, c := range anchorsOf(r, chain) {
			anchors.AddCert(c)
			found = true
		}
	}
	if !found {
		return ErrNoMatch
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: anchors, Intermediates: between, CurrentTime: now}); err != nil {
		return err
	}
	return named(chain[0], names)
}

// anchorsOf are the certificates of chain that r names; or, where it is the
// authority's certificate itself, that one: the server need not send it.
func anchorsOf(r dns.TLSA, chain []*x509.Certificate) (found []*x509.Certificate) {
	for _, c := range chain {
		if matches(r, c) {
			found = append(found, c)
		}
	}
	if r.Selector == 0 && r.Matching == 0 && len(found) == 0 {
		if c, err := x509.ParseCertificate(r.Data); err == nil {
			found = append(found, c)
		}
	}
	return found
}

// named tells whether a certificate is for one of names (RFC 7672 §3.2.2).
func named(c *x509.Certificate, names []string) (err error) {
	err = errors.New("nobody knows its name")
	for _, n := range names {
		if err = c.VerifyHostname(n); err == nil {
			return nil
		}
	}
	return err
}

func matches(r dns.TLSA, c *x509.Certificate) bool {
	data := c.Raw
	if r.Selector == 1 {
		data = c.RawSubjectPublicKeyInfo
	}
	switch r.Matching {
	case 0:
		return bytes.Equal(r.Data, data)
	case 1:
		sum := sha256.Sum256(data)
		return bytes.Equal(r.Data, sum[:])
	case 2:
		sum := sha512.Sum512(data)
		return bytes.Equal(r.Data, sum[:])
	}
	return false
}

// String writes a record as a zone file has it.
func String(r dns.TLSA) string {
	return fmt.Sprintf("%d %d %d %s", r.Usage, r.Selector, r.Matching, hex.EncodeToString(r.Data))
}
