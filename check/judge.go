package check

import (
	"github.com/emersion/go-msgauth/authres"
)

// verdict is what DMARC comes to for a message.
type verdict struct {
	results     []authres.ResultValue // for each of findings.policies
	disposition disposition
	domain      string // whose wish it is
}

// judge evaluates the policy of each author domain; the strictest decides. draw
// gives 0 to 99.
func judge(f findings, draw func() int) verdict {
	var v verdict
	if f.hiding {
		v.disposition = quarantine
	}
	for _, p := range f.policies {
		result := evaluate(p, f)
		v.results = append(v.results, result)
		if result != authres.ResultFail {
			continue
		}
		if d := p.wish(draw); d > v.disposition {
			v.disposition, v.domain = d, p.domain
		}
	}
	return v
}

// evaluate is pass when SPF or a signature passed for an aligned domain (RFC
// 7489 §4.2). Where none did, but one might have had the DNS answered, nothing
// is held against the message.
func evaluate(p policy, f findings) authres.ResultValue {
	switch {
	case p.temporary:
		return authres.ResultTempError
	case p.record == nil:
		return authres.ResultNone
	}
	unknown := false
	passes := func(result authres.ResultValue, domain string, strict bool) bool {
		if !aligned(domain, p.domain, strict) {
			return false
		}
		unknown = unknown || result == authres.ResultTempError
		return result == authres.ResultPass
	}
	if passes(f.spf.result, f.spf.domain, p.record.strictSPF) {
		return authres.ResultPass
	}
	for _, d := range f.dkim {
		if passes(d.result, d.domain, p.record.strictDKIM) {
			return authres.ResultPass
		}
	}
	if unknown {
		return authres.ResultTempError
	}
	return authres.ResultFail
}

// wish is what is to become of a message that failed. What pct leaves out is
// treated one step milder (RFC 7489 §6.6.4).
func (p policy) wish(draw func() int) disposition {
	d := p.record.policy
	if p.subdomain {
		d = p.record.subdomains
	}
	if d > none && draw() >= p.record.percent {
		d--
	}
	return d
}
