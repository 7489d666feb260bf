package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"posthorn/internal/dns"
	"posthorn/internal/dns/dnstest"
)

var zones = dnstest.Zones{
	"example.test":       {MX: []string{"20 mx2.example.test", "10 mx1.example.test"}, TXT: []string{"v=spf1 -all", `say "hi" \ there`, strings.Repeat("k", 700)}},
	"mx1.example.test":   {A: []string{"192.0.2.1"}, AAAA: []string{"2001:db8::1"}},
	"mx2.example.test":   {A: []string{"192.0.2.2"}},
	"six.example.test":   {AAAA: []string{"2001:db8::6"}},
	"alias.example.test": {CNAME: "mx1.example.test"},
	"lost.example.test":  {CNAME: "nowhere.test"},
	"loop.example.test":  {CNAME: "loop.example.test"},
	"null.test":          {MX: []string{"0 ."}},
	"broken.test":        {ServFail: true},
	"silent.test":        {Silent: true},
	"192.0.2.1":          {PTR: []string{"mx1.example.test"}},
	"2001:db8::1":        {PTR: []string{"mx1.example.test"}},
	"xn--bcher-kva.test": {A: []string{"192.0.2.9"}},
	"many.test":          {TXT: manyTexts()},
}

func manyTexts() (texts []string) {
	for i := range 100 {
		texts = append(texts, fmt.Sprintf("%03d %s", i, strings.Repeat("x", 180)))
	}
	return texts
}

func TestLookupMX(t *testing.T) {
	r := dns.New(dnstest.Start(t, zones).Addr)
	for name, want := range map[string]string{
		"example.test":  "10 mx1.example.test. 20 mx2.example.test.",
		"EXAMPLE.test.": "10 mx1.example.test. 20 mx2.example.test.",
		"null.test":     "0 .",
	} {
		mxs, err := r.LookupMX(t.Context(), name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, mx := range mxs {
			got = append(got, fmt.Sprint(mx.Pref), mx.Host)
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: got %s, want %s", name, g, want)
		}
	}
}

func TestLookupIPAddr(t *testing.T) {
	r := dns.New(dnstest.Start(t, zones).Addr)
	for name, want := range map[string]string{
		"mx1.example.test":   "192.0.2.1 2001:db8::1",
		"six.example.test":   "2001:db8::6",
		"alias.example.test": "192.0.2.1 2001:db8::1",
		"bücher.test":        "192.0.2.9",
		"192.0.2.77":         "192.0.2.77",
		"localhost":          "127.0.0.1 ::1",
	} {
		addrs, err := r.LookupIPAddr(t.Context(), name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, a := range addrs {
			got = append(got, a.String())
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: got %s, want %s", name, g, want)
		}
	}
}

func TestLookupTXTGivesTheOctetsAndFallsBackToTCP(t *testing.T) {
	r := dns.New(dnstest.Start(t, zones).Addr)
	texts, err := r.LookupTXT(t.Context(), "example.test")
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) != 3 || texts[0] != "v=spf1 -all" || texts[1] != `say "hi" \ there` || texts[2] != strings.Repeat("k", 700) {
		t.Errorf("got %q", texts)
	}
	if texts, err = r.LookupTXT(t.Context(), "many.test"); err != nil || len(texts) != 100 {
		t.Errorf("an answer of 20 KB: got %d texts, %v", len(texts), err)
	}
}

func TestLookupAddr(t *testing.T) {
	r := dns.New(dnstest.Start(t, zones).Addr)
	for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
		names, err := r.LookupAddr(t.Context(), addr)
		if err != nil || len(names) != 1 || names[0] != "mx1.example.test." {
			t.Errorf("%s: got %q, %v", addr, names, err)
		}
	}
	if _, err := r.LookupAddr(t.Context(), "not an address"); err == nil {
		t.Error("a name was taken for an address")
	}
}

// The three kinds a caller decides by: there is none, there is no such domain,
// nobody knows.
func TestKindsOfFailure(t *testing.T) {
	r := dns.New(dnstest.Start(t, zones).Addr)
	for name, want := range map[string]string{
		"mx1.example.test":        "not found",
		"nowhere.test":            "no domain",
		"lost.example.test":       "no domain",
		"loop.example.test":       "not found",
		strings.Repeat("a", 80):   "no domain",
		"":                        "no domain",
		"broken.test":             "temporary",
		"xn--a.example.test\x00.": "no domain",
	} {
		_, err := r.LookupMX(t.Context(), name)
		if got := kind(err); got != want {
			t.Errorf("%q: got %s (%v), want %s", name, got, err, want)
		}
	}
	_, err := dns.New(dns.Off).LookupMX(t.Context(), "example.test")
	if kind(err) != "temporary" {
		t.Errorf("switched off: got %v", err)
	}
}

func kind(err error) string {
	var e *net.DNSError
	switch {
	case !errors.As(err, &e):
		return "not a DNS error"
	case dns.NoDomain(err):
		return "no domain"
	case e.IsNotFound:
		return "not found"
	case e.Temporary():
		return "temporary"
	}
	return "other"
}

func TestSilenceIsBoundedByTheContext(t *testing.T) {
	r := dns.New(dnstest.Start(t, zones).Addr)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := r.LookupIPAddr(ctx, "silent.test")
	if kind(err) != "temporary" {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %v", took)
	}
}

func TestAnswersAreKeptForTheirTTL(t *testing.T) {
	s := dnstest.Start(t, zones)
	s.Set("brief.test", dnstest.Node{MX: []string{"1 a.test"}, TTL: 1})
	r := dns.New(s.Addr)
	for range 3 {
		r.LookupMX(t.Context(), "example.test")
		r.LookupMX(t.Context(), "nowhere.test")
		r.LookupMX(t.Context(), "broken.test")
	}
	if n := s.Asked("example.test", "MX"); n != 1 {
		t.Errorf("a positive answer was asked for %d times", n)
	}
	if n := s.Asked("nowhere.test", "MX"); n != 1 {
		t.Errorf("a negative answer was asked for %d times", n)
	}
	if n := s.Asked("broken.test", "MX"); n != 3 {
		t.Errorf("a failure was asked for %d times in 3 lookups", n)
	}
}

func TestDeadFirstServerIsPassedOver(t *testing.T) {
	s := dnstest.Start(t, zones)
	dead, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	r := dns.NewWithServers(dead.LocalAddr().String(), s.Addr)
	if _, err := r.LookupMX(t.Context(), "example.test"); err != nil {
		t.Fatal(err)
	}
}
