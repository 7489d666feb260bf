package check

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"

	"posthorn/internal/dns"
	"posthorn/message"
)

// maxAuthorDomains of a message are looked up. More than one is rare; who names
// more than this hides one.
const maxAuthorDomains = 4

// disposition is what a domain wishes for mail that fails, mildest first.
type disposition int

const (
	none disposition = iota
	quarantine
	reject
)

var dispositions = map[string]disposition{"none": none, "quarantine": quarantine, "reject": reject}

// record is a DMARC record (RFC 7489 §6.3), as far as it matters here.
type record struct {
	policy, subdomains    disposition
	strictDKIM, strictSPF bool
	percent               int
}

// policy is what was found for one author domain.
type policy struct {
	domain    string // the author's, in A-labels
	record    *record
	subdomain bool // the record is the organization's
	temporary bool // the DNS did not answer
}

// authorDomains are the domains of the addresses in From, in A-labels.
func authorDomains(h message.Header) (all []string) {
	for _, v := range h.All("From") {
		for _, a := range message.ParseAddresses(v) {
			if d := ascii(a.Host); d != "" && !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	return all
}

func findPolicies(ctx context.Context, r *dns.Resolver, domains []string) (all []policy) {
	for _, d := range domains[:min(len(domains), maxAuthorDomains)] {
		all = append(all, findPolicy(ctx, r, d))
	}
	return all
}

// findPolicy looks at the author's domain, then at its organization's (RFC
// 7489 §6.6.3).
func findPolicy(ctx context.Context, r *dns.Resolver, domain string) policy {
	p := policy{domain: domain}
	for _, at := range slices.Compact([]string{domain, organization(domain)}) {
		texts, err := r.LookupTXT(ctx, "_dmarc."+at)
		if err != nil && !isNotFound(err) {
			p.temporary = true
			return p
		}
		records := slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return !isRecord(s) })
		if len(records) == 0 {
			continue
		}
		if len(records) == 1 { // several are as none (§6.6.3, step 5)
			p.record, p.subdomain = parseRecord(records[0]), at != domain
		}
		return p
	}
	return p
}

// isRecord: it starts with v=DMARC1, white space aside.
func isRecord(s string) bool {
	first, _, _ := strings.Cut(s, ";")
	name, value, _ := strings.Cut(first, "=")
	return strings.TrimSpace(name) == "v" && strings.TrimSpace(value) == "DMARC1"
}

// parseRecord is nil for a record without a usable policy. Whatever else is
// wrong is as if it were not there (§6.3).
func parseRecord(s string) *record {
	tags := map[string]string{}
	for part := range strings.SplitSeq(s, ";") {
		name, value, _ := strings.Cut(part, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, ok := tags[name]; !ok {
			tags[name] = strings.ToLower(strings.TrimSpace(value))
		}
	}
	p, ok := dispositions[tags["p"]]
	if !ok {
		if tags["rua"] == "" {
			return nil
		}
		p = none // §6.6.3, step 6: it wants reports at least
	}
	r := &record{policy: p, subdomains: p, percent: 100, strictDKIM: tags["adkim"] == "s", strictSPF: tags["aspf"] == "s"}
	if sp, ok := dispositions[tags["sp"]]; ok {
		r.subdomains = sp
	}
	if n, err := strconv.Atoi(tags["pct"]); err == nil && n >= 0 && n <= 100 {
		r.percent = n
	}
	return r
}

// organization is the domain that was registered (RFC 7489 §3.2); a public
// suffix stands for itself.
func organization(domain string) string {
	if org, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return org
	}
	return domain
}

// aligned compares identifiers (RFC 7489 §3.1): strictly, or by organization.
func aligned(a, b string, strict bool) bool {
	if a == "" || strict {
		return a == b && a != ""
	}
	return a == b || organization(a) == organization(b)
}
