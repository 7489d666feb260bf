package dns_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"posthorn/internal/dns"
	"posthorn/internal/dns/dnstest"
)

const digest = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

var signedZones = dnstest.Zones{
	"signed.test":             {Signed: true, MX: []string{"10 mx.signed.test"}},
	"mx.signed.test":          {Signed: true, A: []string{"192.0.2.1"}, AAAA: []string{"2001:db8::1"}},
	"_25._tcp.mx.signed.test": {Signed: true, TLSA: []string{"3 1 1 " + digest, "2 0 1 " + digest}},
	"four.signed.test":        {Signed: true, A: []string{"192.0.2.4"}},
	"alias.signed.test":       {Signed: true, CNAME: "mx.signed.test"},
	"leaves.signed.test":      {Signed: true, CNAME: "mx.plain.test"},
	"plain.test":              {MX: []string{"10 mx.plain.test"}},
	"mx.plain.test":           {A: []string{"192.0.2.2"}},
	"enters.plain.test":       {CNAME: "mx.signed.test"},
	"_25._tcp.mx.plain.test":  {TLSA: []string{"3 1 1 " + digest}},
	"bogus.test":              {ServFail: true},
}

// What DNSSEC proves is told from what anybody may have said (RFC 4035 §4.9.3),
// also the second time, from the cache.
func TestAuthentic(t *testing.T) {
	r := dns.New(dnstest.Start(t, signedZones).Addr)
	far := dns.New(dnstest.Start(t, signedZones).Addr)
	far.Distrust()
	said := dns.New(dnstest.Start(t, signedZones).Addr)
	said.Distrust()
	said.Trust()
	tests := []struct {
		r    *dns.Resolver
		kind string
		name string
		want bool
	}{
		{r, "MX", "signed.test", true},
		{r, "MX", "mx.signed.test", true}, // that there is none is proven too
		{r, "MX", "plain.test", false},
		{r, "MX", "alias.signed.test", true},
		{r, "MX", "bogus.test", false},
		{r, "host", "mx.signed.test", true},
		{r, "host", "four.signed.test", true},
		{r, "host", "alias.signed.test", true},
		{r, "host", "leaves.signed.test", false},
		{r, "host", "enters.plain.test", false},
		{r, "host", "mx.plain.test", false},
		{r, "host", "127.0.0.1", false},
		{r, "alias", "alias.signed.test", true},
		{r, "alias", "leaves.signed.test", true},
		{r, "alias", "enters.plain.test", false},
		{r, "alias", "mx.signed.test", false}, // it is none
		{r, "TLSA", "_25._tcp.mx.signed.test", true},
		{r, "TLSA", "_25._tcp.mx.plain.test", false},
		{r, "TLSA", "_25._tcp.four.signed.test", true},
		{far, "MX", "signed.test", false},
		{far, "host", "mx.signed.test", false},
		{far, "TLSA", "_25._tcp.mx.signed.test", false},
		{said, "MX", "signed.test", true},
		{said, "TLSA", "_25._tcp.mx.signed.test", true},
	}
	for range 2 {
		for _, tt := range tests {
			if got := authentic(t, tt.r, tt.kind, tt.name); got != tt.want {
				t.Errorf("%s of %s: authentic %v, want %v", tt.kind, tt.name, got, tt.want)
			}
		}
	}
}

func authentic(t *testing.T, r *dns.Resolver, kind, name string) bool {
	t.Helper()
	switch kind {
	case "MX":
		_, ok, _ := r.MX(t.Context(), name)
		return ok
	case "host":
		h, _ := r.Host(t.Context(), name)
		return h.Authentic
	case "alias":
		ok, err := r.AliasAuthentic(t.Context(), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return ok
	}
	_, ok, _ := r.TLSA(t.Context(), name)
	return ok
}

// A lookup of one family of addresses that somebody breaks does not make a signed
// host look unsigned.
func TestBrokenHalfOfAHost(t *testing.T) {
	s := dnstest.Start(t, signedZones)
	s.Fail("mx.signed.test", "AAAA")
	h, err := dns.New(s.Addr).Host(t.Context(), "mx.signed.test")
	if err != nil || !h.Authentic || len(h.Addrs) != 1 || h.Canonical != "mx.signed.test" {
		t.Errorf("got %+v, %v", h, err)
	}
	s.Fail("mx.signed.test", "A")
	if h, err = dns.New(s.Addr).Host(t.Context(), "mx.signed.test"); kind(err) != "temporary" || h.Authentic {
		t.Errorf("both broken: got %+v, %v", h, err)
	}
}

func TestTLSA(t *testing.T) {
	s := dnstest.Start(t, signedZones)
	r := dns.New(s.Addr)
	records, _, err := r.TLSA(t.Context(), "_25._tcp.mx.signed.test")
	if err != nil || len(records) != 2 {
		t.Fatal(records, err)
	}
	if got := records[0]; got.Usage != 3 || got.Selector != 1 || got.Matching != 1 || hex.EncodeToString(got.Data) != digest {
		t.Errorf("got %+v", got)
	}
	if _, _, err := r.TLSA(t.Context(), "_25._tcp.four.signed.test"); kind(err) != "no domain" {
		t.Errorf("none there: %v", err)
	}
	if _, _, err := r.TLSA(t.Context(), "_25._tcp.bogus.test"); kind(err) != "no domain" {
		t.Errorf("none there: %v", err)
	}
	if _, _, err := r.TLSA(t.Context(), "bogus.test"); kind(err) != "temporary" {
		t.Errorf("a lookup that does not work: %v", err)
	}
}

func TestCanonicalName(t *testing.T) {
	r := dns.New(dnstest.Start(t, signedZones).Addr)
	for name, want := range map[string]string{
		"MX.signed.test": "mx.signed.test", "alias.signed.test": "mx.signed.test", "leaves.signed.test": "mx.plain.test", "192.0.2.1": "192.0.2.1",
	} {
		if h, err := r.Host(t.Context(), name); err != nil || !strings.EqualFold(h.Canonical, want) {
			t.Errorf("%s: got %q, %v", name, h.Canonical, err)
		}
	}
}
