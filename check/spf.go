package check

import (
	"context"
	"net/netip"
	"strings"

	"blitiri.com.ar/go/spf"
	"github.com/emersion/go-msgauth/authres"

	"posthorn/internal/dns"
)

// spfFinding is what SPF says of the sending host.
type spfFinding struct {
	result authres.ResultValue
	domain string // whose record was asked, in A-labels
	helo   bool   // it was HELO's: the return path is null (RFC 7208 §2.4)
}

// checkSPF asks whether the host at t.Remote may send for the return path.
func checkSPF(ctx context.Context, r *dns.Resolver, t *Transaction) spfFinding {
	f := spfFinding{result: authres.ResultNone, domain: ascii(t.Envelope.From.Domain)}
	local := t.Envelope.From.Local
	if t.Envelope.From.IsNull() {
		f.domain, f.helo, local = ascii(t.Helo), true, "postmaster"
	}
	if f.domain == "" || !isName(f.domain) || t.Remote == (netip.Addr{}) {
		return f
	}
	local = strings.ReplaceAll(local, "@", "_") // what follows "@" is the domain
	// The reason is in the result; the error adds only how it was found.
	result, _ := spf.CheckHostWithSender(t.Remote.Unmap().AsSlice(), ascii(t.Helo), local+"@"+f.domain,
		spf.WithContext(ctx), spf.WithResolver(r))
	f.result = authres.ResultValue(result)
	return f
}

// isName: at least two labels (RFC 7208 §4.3); an address literal is none.
func isName(domain string) bool {
	dots := 0
	for _, c := range domain {
		switch {
		case c == '.':
			dots++
		case c == '[' || c == ':':
			return false
		}
	}
	return dots > 0
}
