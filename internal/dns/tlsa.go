package dns

import (
	"context"
	"encoding/hex"

	mdns "github.com/miekg/dns"
)

// TLSA is one record that says which certificate or key a service has (RFC 6698
// §2.1).
type TLSA struct {
	Usage    uint8 // 2: an authority (DANE-TA), 3: the server's own (DANE-EE); RFC 7218
	Selector uint8 // 0: the certificate, 1: its SubjectPublicKeyInfo
	Matching uint8 // 0: Data is all of it, 1: its SHA-256, 2: its SHA-512
	Data     []byte
}

// TLSA gives the TLSA records of name, such as "_25._tcp.mx.example.org", and
// whether DNSSEC proves them, or that there are none. Records without proof are
// worth nothing. IsNotFound is the error when there are none; any other means
// that they cannot be known, which may be an attack (RFC 7672 §2.1.2).
func (r *Resolver) TLSA(ctx context.Context, name string) (records []TLSA, authentic bool, err error) {
	a, err := r.lookup(ctx, name, mdns.TypeTLSA)
	for _, rr := range a.records {
		t, ok := rr.(*mdns.TLSA)
		if !ok {
			continue
		}
		data, err := hex.DecodeString(t.Certificate)
		if err != nil {
			continue // the library has made the text from octets itself
		}
		records = append(records, TLSA{t.Usage, t.Selector, t.MatchingType, data})
	}
	return records, a.authentic, err
}
