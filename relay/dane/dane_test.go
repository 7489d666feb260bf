package dane_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"posthorn/internal/dns"
	"posthorn/relay/dane"
	"posthorn/relay/relaytest"
)

// record makes the TLSA record of a certificate.
func record(usage, selector, matching uint8, c *x509.Certificate) dns.TLSA {
	data := c.Raw
	if selector == 1 {
		data = c.RawSubjectPublicKeyInfo
	}
	switch matching {
	case 1:
		sum := sha256.Sum256(data)
		data = sum[:]
	case 2:
		sum := sha512.Sum512(data)
		data = sum[:]
	}
	return dns.TLSA{Usage: usage, Selector: selector, Matching: matching, Data: data}
}

func TestVerify(t *testing.T) {
	ca, other := relaytest.NewAuthority(t), relaytest.NewAuthority(t)
	now := time.Now()
	leaf := ca.Server(now.Add(time.Hour), "mx.test").Certificates[0].Leaf
	expired := ca.Server(now.Add(-time.Hour), "mx.test").Certificates[0].Leaf
	chain := []*x509.Certificate{leaf, ca.Cert}
	late := []*x509.Certificate{expired, ca.Cert}
	bare := []*x509.Certificate{leaf}
	type records []dns.TLSA
	tests := []struct {
		name    string
		records records
		chain   []*x509.Certificate
		host    string
		want    string // part of the error
	}{
		{"3 0 0", records{record(3, 0, 0, leaf)}, bare, "mx.test", ""},
		{"3 0 1", records{record(3, 0, 1, leaf)}, bare, "mx.test", ""},
		{"3 0 2", records{record(3, 0, 2, leaf)}, bare, "mx.test", ""},
		{"3 1 0", records{record(3, 1, 0, leaf)}, bare, "mx.test", ""},
		{"3 1 1", records{record(3, 1, 1, leaf)}, bare, "mx.test", ""},
		{"3 1 2", records{record(3, 1, 2, leaf)}, bare, "mx.test", ""},
		{"the server's own: its name does not count", records{record(3, 1, 1, leaf)}, bare, "other.test", ""},
		{"the server's own: its dates do not count", records{record(3, 1, 1, expired)}, late, "mx.test", ""},
		{"the server's own: the authority's is not it", records{record(3, 1, 1, ca.Cert)}, chain, "mx.test", "another than the TLSA records say"},
		{"of another server", records{record(3, 1, 1, expired)}, chain, "mx.test", "3 1 1 "},
		{"one of two", records{record(3, 1, 1, expired), record(3, 1, 1, leaf)}, bare, "mx.test", ""},
		{"2 0 0", records{record(2, 0, 0, ca.Cert)}, chain, "mx.test", ""},
		{"2 0 0, the authority is not sent", records{record(2, 0, 0, ca.Cert)}, bare, "mx.test", ""},
		{"2 0 1", records{record(2, 0, 1, ca.Cert)}, chain, "mx.test", ""},
		{"2 0 1, the authority is not sent", records{record(2, 0, 1, ca.Cert)}, bare, "mx.test", "another than the TLSA records say"},
		{"2 1 0", records{record(2, 1, 0, ca.Cert)}, chain, "mx.test", ""},
		{"2 1 1", records{record(2, 1, 1, ca.Cert)}, chain, "mx.test", ""},
		{"2 1 2", records{record(2, 1, 2, ca.Cert)}, chain, "mx.test", ""},
		{"2 1 1 of the server itself", records{record(2, 1, 1, leaf)}, chain, "mx.test", ""},
		{"an authority: the name counts", records{record(2, 1, 1, ca.Cert)}, chain, "other.test", "not other.test"},
		{"an authority: the dates count", records{record(2, 1, 1, ca.Cert)}, late, "mx.test", "expired"},
		{"an authority that is sent and has not signed", records{record(2, 1, 1, other.Cert)}, []*x509.Certificate{leaf, other.Cert}, "mx.test", "unknown authority"},
		{"another authority", records{record(2, 1, 1, other.Cert)}, chain, "mx.test", "another than the TLSA records say"},
		{"a wrong authority beside the right server", records{record(2, 1, 1, other.Cert), record(3, 1, 1, leaf)}, chain, "mx.test", ""},
		{"no certificate", records{record(3, 1, 1, leaf)}, nil, "mx.test", "no certificate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if u := dane.Usable(tt.records); len(u) != len(tt.records) {
				t.Fatalf("%d of %d are usable", len(u), len(tt.records))
			}
			err := dane.Verify(tt.records, tt.chain, []string{tt.host}, now)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// RFC 7672 §3.1 and RFC 7671 §9.
func TestUsable(t *testing.T) {
	leaf := relaytest.NewAuthority(t).Cert
	short := record(3, 1, 1, leaf)
	short.Data = short.Data[:31]
	garbage := record(3, 0, 0, leaf)
	garbage.Data = []byte("no certificate")
	for name, tt := range map[string]struct {
		records []dns.TLSA
		want    string
	}{
		"PKIX-TA and PKIX-EE":                  {[]dns.TLSA{record(0, 1, 1, leaf), record(1, 1, 1, leaf)}, ""},
		"unknown usage, selector and matching": {[]dns.TLSA{record(4, 1, 1, leaf), {Usage: 3, Selector: 2, Matching: 1, Data: make([]byte, 32)}, {Usage: 3, Selector: 1, Matching: 3, Data: make([]byte, 32)}}, ""},
		"a digest cut short":                   {[]dns.TLSA{short}, ""},
		"what is no certificate":               {[]dns.TLSA{garbage}, ""},
		"the stronger of two digests":          {[]dns.TLSA{record(3, 1, 1, leaf), record(3, 1, 2, leaf)}, "3 1 2"},
		"digests of different things":          {[]dns.TLSA{record(3, 1, 1, leaf), record(3, 0, 2, leaf), record(2, 1, 2, leaf)}, "3 1 1,3 0 2,2 1 2"},
		"a stronger one that is broken":        {[]dns.TLSA{record(3, 1, 1, leaf), {Usage: 3, Selector: 1, Matching: 2, Data: make([]byte, 3)}}, "3 1 1"},
	} {
		var got []string
		for _, r := range dane.Usable(tt.records) {
			got = append(got, dane.String(r)[:5])
		}
		if g := strings.Join(got, ","); g != tt.want {
			t.Errorf("%s: got %q, want %q", name, g, tt.want)
		}
	}
}

// A zone with hundreds of records and a server with as many certificates, each a
// possible issuer of each, cost no more than others.
func TestManyRecordsAndCertificates(t *testing.T) {
	var chain []*x509.Certificate
	var records []dns.TLSA
	for i := range int64(80) {
		key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(i), Subject: pkix.Name{CommonName: "x"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
		der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
		if err == nil {
			c, err = x509.ParseCertificate(der)
		}
		if err != nil {
			t.Fatal(err)
		}
		if chain = append(chain, c); i > 0 {
			records = append(records, record(2, 0, 1, c))
		}
	}
	start := time.Now()
	if err := dane.Verify(dane.Usable(records), chain, []string{"mx.test"}, time.Now()); err == nil {
		t.Error("it is verified")
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}
