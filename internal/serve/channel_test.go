package serve

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// issuer signs certificates.
type issuer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newIssuer(t *testing.T, key crypto.Signer) issuer {
	t.Helper()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return issuer{cert, key}
}

// issue gives a certificate and its key.
func (i issuer) issue(t *testing.T, use x509.ExtKeyUsage, until time.Time, alg x509.SignatureAlgorithm) tls.Certificate {
	t.Helper()
	key := newKey(t, elliptic.P256())
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: until, SignatureAlgorithm: alg, DNSNames: []string{"localhost"},
		EmailAddresses: []string{"alice@a.test"}, ExtKeyUsage: []x509.ExtKeyUsage{use}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, i.cert, key.Public(), i.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func newKey(t *testing.T, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// files writes a certificate and its key as PEM.
func files(t *testing.T, c tls.Certificate) (certFile, keyFile string) {
	t.Helper()
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, b := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

// channel makes a handshake and gives both its ends.
func channel(t *testing.T, config, client *tls.Config) (*Channel, *tls.Conn) {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	got := make(chan error, 1)
	var ch *Channel
	go func() {
		var err error
		if ch, err = Handshake(t.Context(), far, config); err == nil {
			_, err = ch.Write([]byte("x")) // carries the ticket with it
		}
		got <- err
	}()
	c := tls.Client(near, client)
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	return ch, c
}

func TestBinding(t *testing.T) {
	p256, p384, p521 := newIssuer(t, newKey(t, elliptic.P256())), newIssuer(t, newKey(t, elliptic.P384())), newIssuer(t, newKey(t, elliptic.P521()))
	_, ed, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		issuer issuer
		hash   func(der []byte) []byte // nil: none
	}{
		{"ECDSA with SHA-256", p256, func(b []byte) []byte { h := sha256.Sum256(b); return h[:] }},
		{"ECDSA with SHA-384", p384, func(b []byte) []byte { h := sha512.Sum384(b); return h[:] }},
		{"ECDSA with SHA-512", p521, func(b []byte) []byte { h := sha512.Sum512(b); return h[:] }},
		{"Ed25519", newIssuer(t, ed), nil},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(c.name+" "+tls.VersionName(version), func(t *testing.T) {
				pair := c.issuer.issue(t, x509.ExtKeyUsageServerAuth, time.Now().Add(time.Hour), 0)
				certs := NewCertificates()
				certFile, keyFile := files(t, pair)
				if err := certs.Load(certFile, keyFile); err != nil {
					t.Fatal(err)
				}
				ch, client := channel(t, certs.TLSConfig(), &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
				got, err := ch.Binding(BindEndPoint)
				switch {
				case c.hash == nil && !errors.Is(err, ErrNoBinding):
					t.Errorf("%x %v", got, err)
				case c.hash != nil && !bytes.Equal(got, c.hash(pair.Certificate[0])):
					t.Errorf("the end point is %x, %v", got, err)
				}
				state := client.ConnectionState()
				got, err = ch.Binding(BindExporter)
				if version < tls.VersionTLS13 {
					if !errors.Is(err, ErrNoBinding) {
						t.Errorf("an exporter for TLS 1.2: %v", err)
					}
				} else if want, _ := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32); !bytes.Equal(got, want) || len(got) != 32 {
					t.Errorf("the exporter gives %x, the client's %x", got, want)
				}
				if _, err := ch.Binding("tls-unique"); !errors.Is(err, ErrNoBinding) {
					t.Errorf("tls-unique: %v", err)
				}
			})
		}
	}
}

// RFC 5929 §4.1: SHA-256 for MD5 and SHA-1.
func TestEndPointHash(t *testing.T) {
	for alg, want := range map[x509.SignatureAlgorithm]crypto.Hash{
		x509.MD5WithRSA: crypto.SHA256, x509.SHA1WithRSA: crypto.SHA256, x509.ECDSAWithSHA1: crypto.SHA256,
		x509.SHA256WithRSAPSS: crypto.SHA256, x509.SHA384WithRSA: crypto.SHA384, x509.SHA512WithRSAPSS: crypto.SHA512,
		x509.PureEd25519: 0, x509.UnknownSignatureAlgorithm: 0,
	} {
		if got := endPointHash(&x509.Certificate{SignatureAlgorithm: alg}); got != want {
			t.Errorf("%v: %v", alg, got)
		}
	}
	if endPointHash(nil) != 0 {
		t.Error("a hash without a certificate")
	}
}

// A session that began under one certificate is not resumed under another: its
// channel would be bound to a certificate that the client has not seen.
func TestResumptionEndsWithTheCertificate(t *testing.T) {
	authority := newIssuer(t, newKey(t, elliptic.P256()))
	certs := NewCertificates()
	load := func() {
		t.Helper()
		certFile, keyFile := files(t, authority.issue(t, x509.ExtKeyUsageServerAuth, time.Now().Add(time.Hour), 0))
		if err := certs.Load(certFile, keyFile); err != nil {
			t.Fatal(err)
		}
	}
	load()
	server := certs.TLSConfig()
	client := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	before, _ := channel(t, server, client)
	again, c := channel(t, server, client)
	if !c.ConnectionState().DidResume {
		t.Error("a session is not resumed")
	}
	a, err := before.Binding(BindEndPoint)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := again.Binding(BindEndPoint); err != nil || !bytes.Equal(a, b) {
		t.Errorf("resumed: %x, not %x, %v", b, a, err)
	}
	load()
	after, c := channel(t, server, client)
	if c.ConnectionState().DidResume {
		t.Error("resumed under another certificate")
	}
	if b, err := after.Binding(BindEndPoint); err != nil || bytes.Equal(a, b) {
		t.Errorf("with a new certificate: %x, %v", b, err)
	}
}

func TestClientCertificates(t *testing.T) {
	authority, stranger := newIssuer(t, newKey(t, elliptic.P256())), newIssuer(t, newKey(t, elliptic.P256()))
	certs := NewCertificates()
	certFile, keyFile := files(t, authority.issue(t, x509.ExtKeyUsageServerAuth, time.Now().Add(time.Hour), 0))
	if err := certs.Load(certFile, keyFile); err != nil {
		t.Fatal(err)
	}
	good := authority.issue(t, x509.ExtKeyUsageClientAuth, time.Now().Add(time.Hour), 0)
	client := func(c tls.Certificate) *tls.Config {
		return &tls.Config{InsecureSkipVerify: true, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c, nil }}
	}
	if ch, _ := channel(t, certs.ClientTLSConfig(), client(good)); len(ch.ConnectionState().PeerCertificates) != 0 {
		t.Error("asked for a certificate that nobody trusts")
	}
	ca, _ := files(t, tls.Certificate{Certificate: [][]byte{authority.cert.Raw}, PrivateKey: authority.key})
	if err := certs.TrustClients(ca); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		cert      tls.Certificate
		good, bad bool
	}{
		{"good", good, true, false},
		{"none", tls.Certificate{}, false, false},
		{"of another authority", stranger.issue(t, x509.ExtKeyUsageClientAuth, time.Now().Add(time.Hour), 0), false, true},
		{"for servers", authority.issue(t, x509.ExtKeyUsageServerAuth, time.Now().Add(time.Hour), 0), false, true},
		{"run out", authority.issue(t, x509.ExtKeyUsageClientAuth, time.Now().Add(-time.Second), 0), false, true},
	} {
		ch, _ := channel(t, certs.ClientTLSConfig(), client(c.cert))
		if cert, err := ch.Client(time.Now()); (cert != nil) != c.good || (err != nil) != c.bad {
			t.Errorf("%s: %v %v", c.name, cert != nil, err)
		}
	}
	if ch, _ := channel(t, certs.TLSConfig(), client(good)); len(ch.ConnectionState().PeerCertificates) != 0 {
		t.Error("the silent configuration asks")
	}
	if err := certs.TrustClients(keyFile); err == nil {
		t.Error("a key was taken for an authority")
	}
	if ch, _ := channel(t, certs.ClientTLSConfig(), client(good)); ch.trusts == nil {
		t.Error("a mistake made those before untrusted")
	}
}
