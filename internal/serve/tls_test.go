package serve

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// shake makes a handshake with a server that uses c, trusting caFile alone.
func shake(t *testing.T, c *Certificates, caFile, name string, now time.Time) error {
	t.Helper()
	pool := x509.NewCertPool()
	pem, err := os.ReadFile(caFile)
	if err != nil || !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("%s: %v", caFile, err)
	}
	ln := listen(t)
	go func() {
		if server, err := ln.Accept(); err == nil {
			defer server.Close()
			tls.Server(server, c.TLSConfig()).Handshake()
		}
	}()
	client := tls.Client(connect(t, ln), &tls.Config{RootCAs: pool, ServerName: name, Time: func() time.Time { return now }})
	return client.Handshake()
}

func TestSelfSigned(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	now := time.Now()
	make := func(now time.Time, hosts ...string) (cert, key, ca []byte) {
		t.Helper()
		certFile, keyFile, caFile, err := selfSigned(dir, hosts, now)
		if err != nil {
			t.Fatal(err)
		}
		return read(t, certFile), read(t, keyFile), read(t, caFile)
	}
	hosts := []string{"mail.example.test", "127.0.0.1"}
	cert, key, ca := make(now, hosts...)

	c := NewCertificates()
	caFile := filepath.Join(dir, "ca.pem")
	if err := shake(t, c, caFile, hosts[0], now); err == nil {
		t.Error("a handshake without a certificate")
	}
	if err := c.Load(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")); err != nil {
		t.Fatal(err)
	}
	for _, h := range hosts {
		if err := shake(t, c, caFile, h, now); err != nil {
			t.Errorf("%s: %v", h, err)
		}
	}
	if err := shake(t, c, caFile, "other.example.test", now); err == nil {
		t.Error("it is good for any name")
	}

	if again, _, _ := make(now.Add(300*24*time.Hour), hosts...); !bytes.Equal(cert, again) {
		t.Error("made anew long before its end")
	}
	late := now.Add(340 * 24 * time.Hour)
	renewed, sameKey, sameCA := make(late, hosts...)
	if bytes.Equal(cert, renewed) || !bytes.Equal(key, sameKey) || !bytes.Equal(ca, sameCA) {
		t.Error("a renewal must change the certificate and nothing else")
	}
	other, _, _ := make(late, "mx.example.test")
	if bytes.Equal(other, renewed) {
		t.Error("another host name did not make another certificate")
	}
	if err := c.Load(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")); err != nil {
		t.Fatal(err)
	}
	if err := shake(t, c, caFile, "mx.example.test", late); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"key.pem", "ca-key.pem"} {
		if fi, err := os.Stat(filepath.Join(dir, name)); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, fi.Mode(), err)
		}
	}
}

func TestSelfSignedKeepsAForeignKey(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := SelfSigned(dir, []string{"a.test"}); err == nil {
		t.Error("no error")
	}
	if got := read(t, filepath.Join(dir, "key.pem")); string(got) != "precious" {
		t.Error("the file was overwritten")
	}
}

func TestLoadKeepsWhatWorks(t *testing.T) {
	certFile, keyFile, caFile, err := SelfSigned(t.TempDir(), []string{"a.test"})
	if err != nil {
		t.Fatal(err)
	}
	c := NewCertificates()
	if err := c.Load(certFile, keyFile); err != nil {
		t.Fatal(err)
	}
	if err := c.Load(caFile, keyFile); err == nil {
		t.Error("a certificate and the key of another were taken")
	}
	if err := shake(t, c, caFile, "a.test", time.Now()); err != nil {
		t.Error(err)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
