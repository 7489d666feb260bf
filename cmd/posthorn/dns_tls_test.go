package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	mdns "github.com/miekg/dns"

	"posthorn/internal/serve"
)

// What is printed about TLS can be pasted, and is no more than the certificate
// can keep.
func TestTLSRecords(t *testing.T) {
	c := Config{Hostname: "mail.example.org", DataDir: t.TempDir()}
	names := func() string {
		t.Helper()
		records, err := c.tlsRecords("example.org", "admin@example.org")
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, r := range records {
			rr, err := mdns.NewRR(r.String())
			if err != nil {
				t.Fatalf("%s: %v", r, err)
			}
			if tlsa, ok := rr.(*mdns.TLSA); ok && (tlsa.Usage != 3 || len(tlsa.Certificate) != 64) {
				t.Errorf("got %s", rr)
			}
			all = append(all, strings.TrimSuffix(strings.TrimSuffix(r.Name, "example.org."), "."))
		}
		return strings.Join(all, " ")
	}
	if got := names(); got != "_smtp._tls" {
		t.Errorf("before there is a certificate: %s", got)
	}
	cert, key, _, err := serve.SelfSigned(filepath.Join(c.DataDir, "tls"), []string{"mail.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(); got != "_smtp._tls _25._tcp.mail" {
		t.Errorf("with our own: %s", got)
	}
	c.TLS.Certificate, c.TLS.Key = cert, key
	if got := names(); got != "_smtp._tls _25._tcp.mail _mta-sts" {
		t.Errorf("with a certificate of somebody's: %s", got)
	}
	if records, err := c.tlsRecords("backup.example", ""); err != nil || len(records) != 1 || records[0].Type != "TLSA" {
		t.Errorf("of a domain without an administrator here: %v, %v", records, err)
	}
	if err := os.WriteFile(cert, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.tlsRecords("example.org", "admin@example.org"); err == nil {
		t.Error("a broken certificate is no error")
	}
}
