package serve

import (
	"context"
	"crypto"
	_ "crypto/sha512" // SHA-384 and SHA-512 for crypto.Hash
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"
)

// Channel is the server's side of a TLS connection that knows what a login may
// be bound to: the session's keys, the certificate that was shown, and the
// client's.
type Channel struct {
	*tls.Conn
	shown  *x509.Certificate // ours; nil when the handshake was not made by Certificates
	trusts *x509.CertPool    // who issues client certificates; nil for nobody
}

// The kinds of channel binding.
const (
	BindExporter = "tls-exporter"         // RFC 9266
	BindEndPoint = "tls-server-end-point" // RFC 5929 §4
)

// ErrNoBinding: the connection has no binding of the kind that was asked for.
var ErrNoBinding = errors.New("no such channel binding on this connection")

// channelKey leads from the handshake to its Channel.
type channelKey struct{}

// Handshake makes the server's TLS handshake over raw, under ctx and raw's
// deadlines. Channels know all there is to know when config is one of
// Certificates.
func Handshake(ctx context.Context, raw net.Conn, config *tls.Config) (*Channel, error) {
	c := &Channel{Conn: tls.Server(raw, config)}
	if err := c.HandshakeContext(context.WithValue(ctx, channelKey{}, c)); err != nil {
		return nil, err
	}
	return c, nil
}

// Binding is the channel's binding of a kind, ErrNoBinding when it has none.
func (c *Channel) Binding(kind string) ([]byte, error) {
	switch kind {
	case BindExporter:
		state := c.ConnectionState()
		if state.Version < tls.VersionTLS13 {
			return nil, ErrNoBinding // RFC 9266 §3 has further conditions for TLS 1.2
		}
		return state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
	case BindEndPoint:
		hash := endPointHash(c.shown)
		if hash == 0 {
			return nil, ErrNoBinding
		}
		h := hash.New()
		h.Write(c.shown.Raw)
		return h.Sum(nil), nil
	}
	return nil, ErrNoBinding
}

// endPointHash is the hash function of the certificate's signature, with
// SHA-256 in the place of weaker ones (RFC 5929 §4.1); 0 where none is defined.
func endPointHash(cert *x509.Certificate) crypto.Hash {
	if cert == nil {
		return 0
	}
	switch cert.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1,
		x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.ECDSAWithSHA256, x509.DSAWithSHA256:
		return crypto.SHA256
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		return crypto.SHA384
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		return crypto.SHA512
	}
	return 0 // Ed25519 among them: its signature has no hash function of its own
}

// Client is the certificate of the client, nil when it has shown none, or none
// that is good for a client at this time and issued by somebody who is trusted
// for that; err then says why. That the client has its key was proved in the
// handshake.
func (c *Channel) Client(now time.Time) (*x509.Certificate, error) {
	chain := c.ConnectionState().PeerCertificates
	if c.trusts == nil || len(chain) == 0 {
		return nil, nil
	}
	others := x509.NewCertPool()
	for _, cert := range chain[1:] {
		others.AddCert(cert)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots:         c.trusts,
		Intermediates: others,
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	return chain[0], nil
}
