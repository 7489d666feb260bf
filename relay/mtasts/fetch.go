package mtasts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// Bounds of a fetch (RFC 8461 §3.3 and §10.2 ask for both).
const (
	fetchTime = 30 * time.Second
	dialTime  = 10 * time.Second
	maxPolicy = 64 << 10
)

// Why a policy could not be fetched; TLSRPT tells these apart (RFC 8460 §4.3.2).
var (
	ErrFetch  = errors.New("the policy cannot be fetched")
	ErrWebPKI = errors.New("the policy's web server cannot prove its identity")
)

// Fetcher gets policies from the web.
type Fetcher struct {
	// Addresses gives the addresses of a host that may be connected to.
	Addresses func(ctx context.Context, host string) ([]netip.Addr, error)
	Roots     *x509.CertPool // nil: the system's
	Port      int            // 0: 443
}

// Fetch gives the text of the policy that a domain, in ASCII, publishes.
func (f *Fetcher) Fetch(ctx context.Context, domain string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	host := "mta-sts." + domain
	client := http.Client{
		Transport: &http.Transport{
			DialContext:            f.dial(host),
			TLSClientConfig:        &tls.Config{RootCAs: f.Roots, ServerName: host, MinVersion: tls.VersionTLS12},
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxPolicy,
		},
		// RFC 8461 §3.3: HTTP 3xx redirects MUST NOT be followed.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/.well-known/mta-sts.txt", nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrFetch, err)
	}
	resp, err := client.Do(req)
	if untrusted := (*tls.CertificateVerificationError)(nil); errors.As(err, &untrusted) {
		return "", fmt.Errorf("%w: %w", ErrWebPKI, untrusted.Err)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrFetch, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%w: the web server of %s says %s", ErrFetch, host, resp.Status)
	}
	// §3.2: a place where strangers can put files must not be able to set policy.
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media != "text/plain" {
		return "", fmt.Errorf("%w: %s gives %q, not text/plain", ErrFetch, host, media)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxPolicy+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrFetch, err)
	case len(text) > maxPolicy:
		return "", fmt.Errorf("%w: it is larger than %d octets", ErrFetch, maxPolicy)
	}
	return string(text), nil
}

// dial tries the addresses of host in turn, whatever address is asked for.
func (f *Fetcher) dial(host string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		addrs, err := f.Addresses(ctx, host)
		if err != nil {
			return nil, err
		}
		port := 443
		if f.Port != 0 {
			port = f.Port
		}
		d := net.Dialer{Timeout: dialTime}
		err = fmt.Errorf("%s has no address that may be connected to", host)
		for _, a := range addrs {
			var c net.Conn
			if c, err = d.DialContext(ctx, "tcp", net.JoinHostPort(a.String(), strconv.Itoa(port))); err == nil {
				return c, nil
			}
		}
		return nil, err
	}
}
