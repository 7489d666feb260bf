package check

import (
	"context"
	"strings"

	"posthorn/internal/dns"
	"posthorn/mail"
)

// senderDomain refuses a return path that no answer can go to: its domain has a
// null MX (RFC 7505 §4.2), or does not exist (RFC 5321 §3.3 allows the
// refusal).
func senderDomain(r *dns.Resolver) Check {
	return func(ctx context.Context, t *Transaction) error {
		domain := t.Envelope.From.Domain
		if domain == "" || strings.HasPrefix(domain, "[") {
			return nil
		}
		mx, err := r.LookupMX(ctx, domain)
		switch {
		case dns.NoDomain(err):
			return mail.SenderNotFound.With(domain)
		case err == nil && len(mx) == 1 && mx[0].Host == ".":
			return mail.SenderTakesNoMail.With(domain)
		}
		return nil // it takes mail, or may: without MX by its address, or the DNS did not answer
	}
}
