package main

import (
	"bytes"
	"crypto"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	mdns "github.com/miekg/dns"

	"posthorn/store"

	"crypto/x509"
)

// A zone file reader takes every line we print, and the keys in it verify
// what the private keys sign.
func TestDNSRecordsCanBePasted(t *testing.T) {
	keys, err := newDKIMKeys("example.org", time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	records, err := dnsRecords(store.Domain{Name: "example.org", Admin: "admin@example.org"}, "mail.example.org", keys)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	lines := map[string]bool{}
	for _, r := range records {
		rr, err := mdns.NewRR(r.String())
		if err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		lines[r.String()] = true
		if txt, ok := rr.(*mdns.TXT); ok {
			texts[rr.Header().Name] = strings.Join(txt.Txt, "")
		}
	}
	for _, want := range []string{
		"example.org. IN MX 10 mail.example.org.",
		`example.org. IN TXT "v=spf1 mx -all"`,
		`_dmarc.example.org. IN TXT "v=DMARC1; p=quarantine; rua=mailto:admin@example.org"`,
		"_imaps._tcp.example.org. IN SRV 0 1 993 mail.example.org.",
		"_submissions._tcp.example.org. IN SRV 0 1 465 mail.example.org.",
	} {
		if !lines[want] {
			t.Errorf("missing: %s", want)
		}
	}
	for _, k := range keys {
		verifySigned(t, k, texts)
	}
}

func verifySigned(t *testing.T, k store.DKIMKey, texts map[string]string) {
	t.Helper()
	if !strings.HasSuffix(k.Selector, "20261122") {
		t.Errorf("selector %s has no date", k.Selector)
	}
	private, err := x509.ParsePKCS8PrivateKey(k.Private)
	if err != nil {
		t.Fatal(err)
	}
	var signed bytes.Buffer
	o := &dkim.SignOptions{Domain: k.Domain, Selector: k.Selector, Signer: private.(crypto.Signer), Hash: crypto.SHA256}
	if err := dkim.Sign(&signed, strings.NewReader("From: a@example.org\r\n\r\nHi\r\n"), o); err != nil {
		t.Fatal(err)
	}
	vs, err := dkim.VerifyWithOptions(&signed, &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		return []string{texts[strings.TrimSuffix(name, ".")+"."]}, nil
	}})
	if err != nil || len(vs) != 1 || vs[0].Err != nil {
		t.Errorf("%s: the published key does not verify: %v %+v", k.Algorithm, err, vs)
	}
}

func TestTextIsCutWhereADNSStringEnds(t *testing.T) {
	for _, n := range []int{1, 255, 256, 511} {
		long := strings.Repeat("x", n)
		rr, err := mdns.NewRR("a. IN TXT " + text(long))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(rr.(*mdns.TXT).Txt, ""); got != long {
			t.Errorf("%d octets came back as %d", n, len(got))
		}
	}
}
