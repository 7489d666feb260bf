package check

import (
	"strings"

	"github.com/emersion/go-msgauth/authres"

	"posthorn/message"
)

// results lists what was asked for, found or not.
func (a *authenticator) results(t *Transaction, f findings, v verdict) (all []authres.Result) {
	if a.cfg.SPF {
		r := &authres.SPFResult{Value: f.spf.result}
		if f.spf.helo {
			r.Helo = plain(f.spf.domain)
		} else {
			r.From = plain(f.spf.domain)
		}
		all = append(all, r)
	}
	for _, d := range f.dkim {
		all = append(all, &authres.DKIMResult{Value: d.result, Domain: plain(d.domain), Reason: plain(d.reason)})
	}
	if a.cfg.DKIM && len(f.dkim) == 0 {
		all = append(all, &authres.DKIMResult{Value: authres.ResultNone})
	}
	for i, p := range f.policies {
		all = append(all, &authres.DMARCResult{Value: v.results[i], From: plain(p.domain)})
	}
	if a.cfg.DMARC && len(f.policies) == 0 {
		all = append(all, &authres.DMARCResult{Value: authres.ResultPermError, Reason: "no author domain"})
	}
	if f.arc.result != "" {
		all = append(all, f.arc.record())
	}
	return all
}

// folding starts a line behind each result; one without properties comes with a
// space at its end.
var folding = strings.NewReplacer(" ; ", ";\r\n\t", "; ", ";\r\n\t")

// resultsField is the Authentication-Results field (RFC 8601 §2.2), a line for
// each result.
func resultsField(hostname string, all []authres.Result) string {
	value := folding.Replace(strings.TrimRight(authres.Format(hostname, all), " "))
	return "Authentication-Results: " + value + "\r\n"
}

// plain makes foreign text safe in the field: nothing that could end a value,
// a line or a result.
func plain(s string) string {
	if len(s) > 255 {
		s = s[:255]
	}
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.ContainsRune(" .,:-_/+=@", c):
			return c
		}
		return '?'
	}, s)
}

// Strip tells whether a field of the content must not stay: an
// Authentication-Results that claims to be ours (RFC 8601 §5).
func (t *Transaction) Strip(f message.Field) bool {
	return strings.EqualFold(f.Name, "Authentication-Results") && strings.EqualFold(serviceID(f.Value()), t.Hostname)
}

// serviceID is the authserv-id, behind any comments and within quotes or not.
func serviceID(value string) string {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\':
			if i++; i < len(value) && depth == 0 {
				b.WriteByte(value[i])
			}
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth > 0 || c == '"':
		case c == ';' || (c == ' ' || c == '\t') && b.Len() > 0:
			return strings.TrimSuffix(b.String(), ".")
		case c != ' ' && c != '\t':
			b.WriteByte(c)
		}
	}
	return strings.TrimSuffix(b.String(), ".")
}
