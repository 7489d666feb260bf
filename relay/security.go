package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"posthorn/internal/dns"
	"posthorn/mail"
	"posthorn/relay/dane"
	"posthorn/relay/mtasts"
)

// level is what a connection must have before mail goes over it.
type level int

const (
	plain   level = iota // nothing: TLS is left alone
	may                  // TLS where it is offered, whoever answers (RFC 7435)
	encrypt              // TLS, whoever answers
	verify               // TLS with a server that proves who it is
)

// security is what one connection must have, and whose demand that is.
//
// The demand of a route in the configuration stands above all others. Else TLSA
// records that DNSSEC proves count, then the MTA-STS policy of the domain; the one
// never softens the other (RFC 8461 §2). Where there is neither, TLS is taken
// where it is offered.
type security struct {
	level level
	kind  kind   // of policy
	by    string // whose demand, for people
	text  string // the policy as published, for reports: records or lines, separated by "\n"
	name  string // the server's, told it in the handshake (SNI)
	// proof tells whether the server is the one meant; nil where that does not
	// matter. Below verify its answer is only counted.
	proof   func(tls.ConnectionState) error
	problem error // why a policy that there is cannot be known or does not fit, though mail goes out
	known   bool  // the policy also proves that the server is one of the domain's
}

// kind of policy, by the names of RFC 8460 §4.2.
type kind string

const (
	kindNone kind = "no-policy-found"
	kindSTS  kind = "sts"
	kindTLSA kind = "tlsa"
)

// security finds what a connection to t must have. Its error says why there can
// be none, whatever the server does.
func (r *Relay) security(ctx context.Context, h hop, t target) (security, error) {
	s, err := r.demanded(ctx, h, t)
	if err != nil || !h.requireTLS {
		return s, err
	}
	// RFC 8689 §4.2.1 and §8.2: the server proves its name, and the name is proven to
	// be one of the domain's.
	if !s.known && !h.route.smarthost() && !t.authentic && t.name != h.domain {
		return s, mail.RequireTLSUnproven.With(t, "neither DNSSEC nor MTA-STS proves that it is a mail server of "+h.domain)
	}
	if s.level < verify {
		s.level, s.by, s.proof = verify, "the sender (REQUIRETLS)", r.certificateProof(h, t)
	}
	return s, nil
}

// demanded is security without what the message itself asks for.
func (r *Relay) demanded(ctx context.Context, h hop, t target) (security, error) {
	s := security{level: may, kind: kindNone, name: serverName(t)}
	if h.route.fixed() {
		s.level, s.by = h.route.level(), "the route in our configuration"
		if s.level == verify {
			s.proof = r.certificateProof(h, t)
		}
		return s, nil
	}
	if h.tlsOptional {
		return s, nil // RFC 8689 §4.2.2: the sender prefers that it arrives
	}
	if found, err := r.byTLSA(ctx, h, t, &s); found && s.level == verify || err != nil {
		return s, err
	}
	return s, r.bySTS(ctx, h, t, &s)
}

// serverName is what a certificate is to name.
func serverName(t target) string {
	if _, literal := parseLiteral(t.name); literal {
		return t.addr.Addr().String()
	}
	return t.name
}

// byTLSA makes s what the TLSA records of a host ask for, where there are any that
// DNSSEC proves (RFC 7672 §2.2). A lookup that fails may be somebody who hides
// them: such a host is not used (§2.1.2).
func (r *Relay) byTLSA(ctx context.Context, h hop, t target, s *security) (found bool, err error) {
	for _, base := range t.tlsa {
		name := fmt.Sprintf("_%d._tcp.%s", t.addr.Port(), base)
		records, authentic, err := r.dns.TLSA(ctx, name)
		var none *net.DNSError
		switch {
		case errors.As(err, &none) && none.IsNotFound, err == nil && (!authentic || len(records) == 0):
			continue
		case err != nil:
			s.kind = kindTLSA
			return false, mail.TLSALookup.With(t, name, lookupTrouble(err))
		}
		s.kind, s.by, s.name = kindTLSA, "its TLSA records ("+name+")", base
		s.text = recordLines(records)
		usable := dane.Usable(records)
		if len(usable) == 0 {
			s.level = encrypt // RFC 7672 §2.2: it wants TLS, and we cannot tell more
			return true, nil
		}
		s.level, s.known = verify, true
		s.proof = func(cs tls.ConnectionState) error {
			return dane.Verify(usable, cs.PeerCertificates, []string{base, h.domain}, time.Now())
		}
		return true, nil
	}
	return false, nil
}

// lookupTrouble is a failed lookup in few words: the name stands beside it.
func lookupTrouble(err error) string {
	if de := (*net.DNSError)(nil); errors.As(err, &de) {
		return de.Err
	}
	return err.Error()
}

func recordLines(records []dns.TLSA) string {
	var lines []string
	for _, r := range records {
		lines = append(lines, dane.String(r))
	}
	return strings.Join(lines, "\n")
}

// bySTS makes s what the MTA-STS policy of the domain asks for, where there is one
// (RFC 8461 §5). Address literals have none.
func (r *Relay) bySTS(ctx context.Context, h hop, t target, s *security) error {
	if r.sts == nil || h.domain == "" || h.domain[0] == '[' {
		return nil
	}
	f := r.sts.Find(ctx, h.domain)
	if s.kind == kindNone {
		s.problem = f.Problem
	}
	if f.Problem != nil && s.kind == kindNone {
		s.kind = kindSTS
	}
	if f.Mode != mtasts.Enforce && f.Mode != mtasts.Testing {
		return nil
	}
	by := fmt.Sprintf("the MTA-STS policy of %s (id %s, mode %s, until %s)", h.domain, f.ID, f.Mode, f.Expires.UTC().Format(time.DateOnly))
	named := f.Names(t.name)
	if f.Mode == mtasts.Enforce {
		s.kind, s.by, s.text, s.known = kindSTS, by, f.Text, true
		s.level, s.proof = verify, r.certificateProof(h, t)
		if !named {
			return mail.STSMismatch.With(t, by)
		}
		return nil
	}
	if s.kind == kindTLSA {
		return nil // one policy is counted
	}
	s.kind, s.by, s.text, s.proof = kindSTS, by, f.Text, r.certificateProof(h, t)
	if !named {
		s.problem = mail.STSMismatch.With(t, by)
	}
	return nil
}

// certificateProof is the proof by a certificate for the host's name that the
// authorities we trust have signed (RFC 8461 §4.1, RFC 9525).
func (r *Relay) certificateProof(h hop, t target) func(tls.ConnectionState) error {
	name, roots := serverName(t), r.rootsFor(h.route)
	return func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) == 0 {
			return errors.New("the server has no certificate")
		}
		between := x509.NewCertPool()
		for _, c := range cs.PeerCertificates[1:] {
			between.AddCert(c)
		}
		_, err := cs.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: between})
		return err
	}
}

// proofError is a server that is not, or cannot prove to be, the one meant.
type proofError struct {
	err  error
	cert *x509.Certificate // nil when it had none
}

func (e proofError) Unwrap() error { return e.err }

// Error says what an administrator needs to find the mistake.
func (e proofError) Error() string {
	text := strings.TrimPrefix(e.err.Error(), "x509: ")
	if e.cert == nil {
		return text
	}
	return fmt.Sprintf("%s; the certificate is for %s, issued by %s, valid from %s to %s", text, subject(e.cert), issuer(e.cert),
		e.cert.NotBefore.UTC().Format(time.DateOnly), e.cert.NotAfter.UTC().Format(time.DateOnly))
}

func subject(c *x509.Certificate) string {
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	switch {
	case len(names) == 0:
		return "no name"
	case len(names) > 3:
		return fmt.Sprintf("%s and %d others", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

func issuer(c *x509.Certificate) string {
	if text := c.Issuer.String(); text != "" {
		return text
	}
	return "nobody"
}

// config is how TLS begins with t. The library verifies nothing by itself: proof
// does, where there is one, and what it says is noted for the counters.
func (s security) config(noted *error) *tls.Config {
	c := &tls.Config{ServerName: s.name, InsecureSkipVerify: true}
	if s.level < verify {
		c.MinVersion = tls.VersionTLS10 // the alternative is plain text
	}
	if s.proof == nil {
		return c
	}
	c.VerifyConnection = func(cs tls.ConnectionState) error {
		err := s.proof(cs)
		if err == nil {
			return nil
		}
		failed := proofError{err: err}
		if len(cs.PeerCertificates) > 0 {
			failed.cert = cs.PeerCertificates[0]
		}
		if s.level < verify {
			*noted = failed
			return nil
		}
		return failed
	}
	return c
}
