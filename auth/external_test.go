package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"posthorn/internal/serve"
)

// clientCertificate is signed by itself, so it is its own authority; shape
// changes it.
func clientCertificate(t *testing.T, shape func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	shape(tmpl)
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func named(names ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.EmailAddresses = names }
}

// dial makes a TLS connection to certs and gives both ends. A client with a
// certificate shows it, and it is trusted.
func dial(t *testing.T, client *tls.Config) (*serve.Channel, *tls.Conn) {
	t.Helper()
	dir := t.TempDir()
	certFile, keyFile, _, err := serve.SelfSigned(dir, []string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	certs := serve.NewCertificates()
	if err := certs.Load(certFile, keyFile); err != nil {
		t.Fatal(err)
	}
	if len(client.Certificates) > 0 {
		ca := filepath.Join(dir, "client-ca.pem")
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: client.Certificates[0].Certificate[0]})
		if err := os.WriteFile(ca, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := certs.TrustClients(ca); err != nil {
			t.Fatal(err)
		}
	}
	near, far := net.Pipe()
	t.Cleanup(func() { near.Close(); far.Close() })
	var channel *serve.Channel
	shaken := make(chan error, 1)
	go func() {
		var err error
		if channel, err = serve.Handshake(t.Context(), far, certs.ClientTLSConfig()); err == nil {
			_, err = channel.Write([]byte("x"))
		}
		shaken <- err
	}()
	client.InsecureSkipVerify = true
	c := tls.Client(near, client)
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	return channel, c
}

func TestExternal(t *testing.T) {
	for _, c := range []struct {
		what    string
		shape   func(*x509.Certificate)
		say     string // "-": only when asked, and then nothing
		offered bool
		want    error
	}{
		{"for whom the certificate names", named("Alice@a.test"), "", true, nil},
		{"asked", named("alice@a.test"), "-", true, nil},
		{"for that name", named("alice@a.test"), "ALICE@A.TEST", true, nil},
		{"for another", named("alice@a.test"), "bob@a.test", true, ErrCredentials},
		{"for one of two", named("bob@a.test", "alice@a.test"), "alice@a.test", true, nil},
		{"for either of two", named("bob@a.test", "alice@a.test"), "", true, ErrCredentials},
		{"for nobody here", named("eve@a.test"), "", true, ErrCredentials},
		{"for an account that is switched off", named("off@a.test"), "", true, ErrCredentials},
		{"by its subject", func(c *x509.Certificate) {
			c.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: oidEmail, Value: asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte("alice@a.test")}}}}
		}, "", true, nil},
		{"by its subject beside another name", func(c *x509.Certificate) {
			c.EmailAddresses = []string{"bob@a.test"}
			c.Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: oidEmail, Value: asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte("alice@a.test")}}}}
		}, "alice@a.test", true, ErrCredentials},
		{"without a name", named(), "", false, nil},
		{"for servers", func(c *x509.Certificate) {
			c.EmailAddresses = []string{"alice@a.test"}
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		}, "", false, nil},
		{"not in UTF-8", named("alice@a.test"), "\xff", true, ErrSyntax},
	} {
		t.Run(c.what, func(t *testing.T) {
			a, _, _ := newFake(t)
			peer := home
			peer.Channel, _ = dial(t, &tls.Config{Certificates: []tls.Certificate{clientCertificate(t, c.shape)}})
			if got := slices.Contains(a.Mechanisms(peer), "EXTERNAL"); got != c.offered {
				t.Fatalf("offered: %v", got)
			}
			var got Identity
			s, err := a.Server(t.Context(), "EXTERNAL", peer, func(id Identity) { got = id })
			if !c.offered {
				if !errors.Is(err, ErrMechanism) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			response := []byte(c.say)
			if c.say == "-" {
				if challenge, done, err := s.Next(nil); len(challenge) != 0 || done || err != nil {
					t.Fatalf("%q %v %v", challenge, done, err)
				}
				response = []byte{}
			}
			_, done, err := s.Next(response)
			if !errors.Is(err, c.want) || (c.want == nil) != (done && got.Account == 1) {
				t.Errorf("%v %v %v", got, done, err)
			}
		})
	}
}

func TestExternalNeedsACertificate(t *testing.T) {
	a, _, _ := newFake(t)
	peer := home
	peer.Channel, _ = dial(t, &tls.Config{})
	if m := a.Mechanisms(peer); slices.Contains(m, "EXTERNAL") {
		t.Errorf("offered: %v", m)
	}
}
