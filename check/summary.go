package check

import (
	"strings"

	"github.com/emersion/go-msgauth/authres"
)

// summary says in a few words what resultsField says in full, for the record of
// a message's life: "spf=pass dkim=pass (example.org) dmarc=pass (example.org)".
func summary(all []authres.Result) string {
	var words []string
	for _, r := range all {
		switch r := r.(type) {
		case *authres.SPFResult:
			words = append(words, "spf="+string(r.Value))
		case *authres.DKIMResult:
			words = append(words, "dkim="+string(r.Value)+of(r.Domain))
		case *authres.DMARCResult:
			words = append(words, "dmarc="+string(r.Value)+of(r.From))
		}
	}
	return strings.Join(words, " ")
}

func of(domain string) string {
	if domain == "" {
		return ""
	}
	return " (" + domain + ")"
}
