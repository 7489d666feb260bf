package main

import (
	"fmt"
	"strings"

	"posthorn/store"
)

// record is one line of a zone.
type record struct {
	Name  string `json:"name"` // absolute, with its dot
	Type  string `json:"type"`
	Value string `json:"value"` // as in a zone file, texts quoted
	Why   string `json:"why"`
}

// String is the line as a zone file has it (RFC 1035 §5.1).
func (r record) String() string { return r.Name + " IN " + r.Type + " " + r.Value }

// dnsRecords gives what a domain's DNS needs, so that its mail comes here,
// what it sends is believed, and programs find its servers.
func dnsRecords(d store.Domain, hostname string, keys []store.DKIMKey) ([]record, error) {
	name, host := d.Name+".", hostname+"."
	if d.Backup {
		return []record{{name, "MX", "20 " + host, "this host keeps mail while the better ones, with a lower number, cannot take it (RFC 5321 §5.1)"}}, nil
	}
	rs := []record{
		{name, "MX", "10 " + host, "mail for the domain comes to this host (RFC 5321 §5.1)"},
		{name, "TXT", text("v=spf1 mx -all"), "only this host sends its mail (SPF, RFC 7208)"},
	}
	for _, k := range keys {
		v, err := dkimRecord(k)
		if err != nil {
			return nil, err
		}
		rs = append(rs, record{k.Selector + "._domainkey." + name, "TXT", text(v), "its signatures can be verified (DKIM, RFC 6376)"})
	}
	rs = append(rs, record{"_dmarc." + name, "TXT", text("v=DMARC1; p=quarantine; rua=mailto:" + d.Admin), "what is neither is suspicious (DMARC, RFC 7489)"})
	const srv = "mail programs find the server (RFC 6186, 8314)"
	for _, s := range []struct {
		service string
		port    int
	}{{"submissions", 465}, {"submission", 587}, {"imaps", 993}, {"imap", 143}, {"pop3s", 995}} {
		rs = append(rs, record{"_" + s.service + "._tcp." + name, "SRV", fmt.Sprintf("0 1 %d %s", s.port, host), srv})
	}
	return rs, nil
}

// text quotes a TXT value, cut into strings of at most 255 octets
// (RFC 1035 §3.3.14).
func text(s string) string {
	var quoted []string
	for len(s) > 255 {
		quoted = append(quoted, `"`+s[:255]+`"`)
		s = s[255:]
	}
	return strings.Join(append(quoted, `"`+s+`"`), " ")
}
