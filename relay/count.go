package relay

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"posthorn/mail"
	"posthorn/relay/mtasts"
	"posthorn/relay/tlsrpt"
)

// trial is what is learned about TLS while a connection is made.
type trial struct {
	local    netip.Addr // ours; zero before there is a connection
	trouble  error      // why TLS did not come about: errNoSTARTTLS, a proofError, or the handshake's
	unproven error      // why the server is not the one meant, though mail goes to it
}

var errNoSTARTTLS = errors.New("STARTTLS is not offered")

// count enters a session into the statistics of TLSRPT. A connection that broke
// before TLS tells nothing about it, and where a route rules, no policy of the
// domain was tried. The error is that of the connection, if there is none.
func (r *Relay) count(h hop, t target, sec security, tr trial, err error) {
	if r.results == nil || h.route.fixed() || h.tlsOptional || h.domain == "" || h.domain[0] == '[' {
		return
	}
	s := tlsrpt.Session{At: time.Now(), Domain: h.domain, Kind: string(sec.kind), Policy: sec.text, MTA: t.name, Address: t.addr.Addr().String()}
	if tr.local.IsValid() {
		s.Ours = tr.local.String()
	}
	why := errors.Join(tr.trouble, tr.unproven, sec.problem)
	switch {
	case errors.Is(err, mail.TLSALookup):
		s.Result, s.Reason = tlsrpt.DNSSEC, "the TLSA records cannot be looked up"
	case errors.Is(err, mail.STSMismatch):
		s.Result, s.Reason = classify(err)
	case err != nil && tr.trouble == nil:
		return
	case why != nil:
		s.Result, s.Reason = classify(why)
	case sec.kind == kindTLSA && sec.level == encrypt:
		s.Result, s.Reason = tlsrpt.TLSAInvalid, "none of the TLSA records can be used"
	}
	r.results.Add(s)
}

// classify finds the result of RFC 8460 §4.3 for a failure, and says in words that
// are the same each time what is wrong.
func classify(err error) (tlsrpt.Result, string) {
	var mismatch x509.HostnameError
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var unproven proofError
	var remote *net.OpError
	var ne net.Error
	switch {
	case errors.Is(err, errNoSTARTTLS):
		return tlsrpt.NoSTARTTLS, ""
	case errors.Is(err, mtasts.ErrFetch):
		return tlsrpt.FetchError, ""
	case errors.Is(err, mtasts.ErrInvalid):
		return tlsrpt.Invalid, ""
	case errors.Is(err, mtasts.ErrWebPKI):
		return tlsrpt.WebPKI, ""
	case errors.Is(err, mail.STSMismatch):
		return tlsrpt.Validation, "the policy does not name the host"
	case errors.As(err, &mismatch):
		return tlsrpt.HostMismatch, "the certificate is for " + subject(mismatch.Certificate)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return tlsrpt.Expired, fmt.Sprintf("valid from %s to %s", invalid.Cert.NotBefore.UTC().Format(time.RFC3339), invalid.Cert.NotAfter.UTC().Format(time.RFC3339))
	case errors.As(err, &unknown):
		return tlsrpt.NotTrusted, "issued by " + issuer(unknown.Cert)
	case errors.As(err, &unproven):
		return tlsrpt.Validation, unproven.err.Error()
	case errors.As(err, &remote) && remote.Op == "remote error": // the server's alert (RFC 8446 §6)
		return tlsrpt.Validation, remote.Error()
	case errors.As(err, &ne) && ne.Timeout():
		return tlsrpt.Validation, "no answer in time"
	}
	return tlsrpt.Validation, "the handshake failed"
}
