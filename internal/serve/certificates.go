package serve

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
)

// Certificates holds the certificate that servers show, and the authorities
// whose certificates clients may log in with. Both can be exchanged at any
// time: handshakes that start afterwards use the new ones.
type Certificates struct {
	current atomic.Pointer[issue]

	mu      sync.Mutex // guards what the next issue is made of
	pair    *tls.Certificate
	clients *x509.CertPool
}

// issue is what handshakes use until the next one. Each has keys of its own for
// session tickets: a session is resumed only under the certificate that it
// began with, so a channel's binding is never in doubt. They are as old as the
// issue; who loads the certificate each day renews them, too.
type issue struct {
	silent, asking *tls.Config // asking for a client's certificate, or not
	leaf           *x509.Certificate
	clients        *x509.CertPool
}

// NewCertificates has none until Load.
func NewCertificates() *Certificates { return &Certificates{} }

// Load reads a certificate chain and its key, both PEM. When that fails the
// certificate before stays in use.
func (c *Certificates) Load(certFile, keyFile string) error {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err == nil && pair.Leaf == nil { // GODEBUG=x509keypairleaf=0
		pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0])
	}
	if err != nil {
		return fmt.Errorf("load certificate %s: %w", certFile, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pair = &pair
	c.renew()
	return nil
}

// TrustClients reads the authorities of client certificates, PEM; "" is nobody.
// When that fails those before stay trusted.
func (c *Certificates) TrustClients(caFile string) error {
	pool, err := ReadPool(caFile)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clients = pool
	c.renew()
	return nil
}

// ReadPool reads the certificates of a file, PEM; nil for "".
func ReadPool(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}

// renew is called under mu.
func (c *Certificates) renew() {
	if c.pair == nil {
		return
	}
	i := &issue{leaf: c.pair.Leaf, clients: c.clients}
	i.silent = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*c.pair}}
	i.asking = i.silent.Clone()
	if c.clients != nil {
		// Whether one is good is judged when it is used to log in: a program
		// that shows a certificate meant for something else is no reason to
		// end the connection.
		i.asking.ClientAuth, i.asking.ClientCAs = tls.RequestClientCert, c.clients
	}
	for _, config := range []*tls.Config{i.silent, i.asking} {
		var key [32]byte
		rand.Read(key[:])                            // never fails (crypto/rand)
		config.SetSessionTicketKeys([][32]byte{key}) // or they were those of the config that looks issues up
	}
	c.current.Store(i)
}

// TLSConfig is for servers: TLS 1.2 and newer (RFC 8997), the certificate
// looked up at each handshake.
func (c *Certificates) TLSConfig() *tls.Config {
	return c.config(func(i *issue) *tls.Config { return i.silent })
}

// ClientTLSConfig is a TLSConfig that asks clients for a certificate, without
// insisting, while somebody's are trusted.
func (c *Certificates) ClientTLSConfig() *tls.Config {
	return c.config(func(i *issue) *tls.Config { return i.asking })
}

func (c *Certificates) config(kind func(*issue) *tls.Config) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			i := c.current.Load()
			if i == nil {
				return nil, errors.New("no certificate is loaded")
			}
			if ch, ok := hello.Context().Value(channelKey{}).(*Channel); ok {
				ch.shown, ch.trusts = i.leaf, i.clients
			}
			return kind(i), nil
		},
	}
}
