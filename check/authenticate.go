package check

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"

	"github.com/emersion/go-msgauth/authres"

	"posthorn/internal/dns"
	"posthorn/mail"
)

// authenticator finds out who stands behind a message.
type authenticator struct {
	cfg  Config
	dns  *dns.Resolver
	draw func() int // 0 to 99, for DMARC's pct
}

func newAuthenticator(cfg Config, r *dns.Resolver) *authenticator {
	return &authenticator{cfg, r, func() int { return rand.IntN(100) }}
}

// findings is what the three lookups brought.
type findings struct {
	spf      spfFinding
	dkim     []dkimFinding
	arc      arcFinding
	policies []policy // one for each author domain
	hiding   bool     // there are more author domains than were looked up
}

// check asks for SPF, DKIM and DMARC at the same time, then decides.
func (a *authenticator) check(ctx context.Context, t *Transaction) error {
	var f findings
	var dkimErr, arcErr error
	var asking sync.WaitGroup
	if a.cfg.SPF {
		asking.Go(func() { f.spf = checkSPF(ctx, a.dns, t) })
	}
	if a.cfg.DKIM {
		asking.Go(func() { f.dkim, dkimErr = checkDKIM(ctx, a.dns, t.Content, t.Header) })
	}
	if a.cfg.ARC {
		asking.Go(func() { f.arc, arcErr = checkARC(ctx, a.dns, t.Content, t.Header) })
	}
	if a.cfg.DMARC {
		domains := authorDomains(t.Header)
		f.hiding = len(domains) > maxAuthorDomains
		asking.Go(func() { f.policies = findPolicies(ctx, a.dns, domains) })
	}
	asking.Wait()

	verdict := judge(f, a.draw)
	t.Proven = proven(f, t.Envelope.From)
	results := a.results(t, f, verdict)
	t.Found = summary(results)
	t.Head = append(t.Head, resultsField(t.Hostname, results)...)
	if verdict.disposition == quarantine {
		t.junk()
	}
	if verdict.disposition == reject {
		return mail.DMARCReject.With(verdict.domain)
	}
	return errors.Join(dkimErr, arcErr)
}

// proven tells whether reports may go to the return path: SPF passed for its
// domain, or a signature of its organization holds. A signature of the author's
// domain alone would let a bounce hit a return path that somebody else wrote.
func proven(f findings, from mail.Path) bool {
	domain := ascii(from.Domain)
	if domain == "" {
		return false
	}
	if f.spf.result == authres.ResultPass && f.spf.domain == domain {
		return true
	}
	for _, d := range f.dkim {
		if d.result == authres.ResultPass && aligned(d.domain, domain, false) {
			return true
		}
	}
	return false
}

func isNotFound(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}

// isTemporary: the DNS did not answer, or not now.
func isTemporary(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && (e.IsTemporary || e.IsTimeout) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// ascii is a domain in A-labels and small letters, "" for what is none.
func ascii(domain string) string {
	name, err := dns.ToASCII(mail.Path{Domain: domain}.Key().Domain)
	if err != nil {
		return ""
	}
	return mail.Path{Domain: name}.Key().Domain
}
