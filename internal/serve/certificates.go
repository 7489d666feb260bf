package serve

import (
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
)

// Certificates holds the certificate that servers show. It can be exchanged
// at any time: handshakes that start afterwards use the new one.
type Certificates struct {
	current atomic.Pointer[tls.Certificate]
}

// NewCertificates has none until Load.
func NewCertificates() *Certificates { return &Certificates{} }

// Load reads a certificate chain and its key, both PEM. When that fails the
// certificate before stays in use.
func (c *Certificates) Load(certFile, keyFile string) error {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return fmt.Errorf("load certificate %s: %w", certFile, err)
	}
	c.current.Store(&pair)
	return nil
}

// TLSConfig is for servers: TLS 1.2 and newer (RFC 8997), the certificate
// looked up at each handshake.
func (c *Certificates) TLSConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if pair := c.current.Load(); pair != nil {
				return pair, nil
			}
			return nil, errors.New("no certificate is loaded")
		},
	}
}
