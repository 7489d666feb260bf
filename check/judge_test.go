package check

import (
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/authres"

	"posthorn/mail"
	"posthorn/message"
)

func TestParseRecord(t *testing.T) {
	for _, c := range []struct {
		text string
		want *record
	}{
		{"v=DMARC1; p=reject", &record{policy: reject, subdomains: reject, percent: 100}},
		{"v=DMARC1;p=Quarantine;sp=none;pct=50;aspf=s;adkim=r", &record{policy: quarantine, percent: 50, strictSPF: true}},
		{" v = DMARC1 ; p = reject ; adkim = S ;", &record{policy: reject, subdomains: reject, percent: 100, strictDKIM: true}},
		{"v=DMARC1; p=reject; pct=101; sp=maybe; rf=odd; ri=x", &record{policy: reject, subdomains: reject, percent: 100}},
		{"v=DMARC1; p=reject; p=none", &record{policy: reject, subdomains: reject, percent: 100}},
		{"v=DMARC1; p=maybe; rua=mailto:a@b.test", &record{percent: 100}},
		{"v=DMARC1; rua=mailto:a@b.test", &record{percent: 100}},
		{"v=DMARC1; p=maybe", nil},
		{"v=DMARC1", nil},
	} {
		got := parseRecord(c.text)
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("%q: %+v", c.text, got)
		}
	}
	for text, want := range map[string]bool{"v=DMARC1": true, "v = DMARC1;p=none": true, "v=DMARC10": false, "v=spf1 -all": false, "": false, "p=none; v=DMARC1": false} {
		if isRecord(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add("v=DMARC1; p=reject; pct=5")
	f.Fuzz(func(t *testing.T, s string) {
		if r := parseRecord(s); r != nil && (r.percent < 0 || r.percent > 100 || r.policy > reject || r.subdomains > reject) {
			t.Errorf("%q: %+v", s, r)
		}
	})
}

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		policy        disposition
		percent, draw int
		want          disposition
	}{
		{reject, 100, 99, reject},
		{reject, 0, 0, quarantine},
		{reject, 50, 49, reject},
		{reject, 50, 50, quarantine},
		{quarantine, 50, 50, none},
		{none, 0, 99, none},
	} {
		p := policy{record: &record{policy: c.policy, percent: c.percent}}
		if got := p.wish(func() int { return c.draw }); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestAligned(t *testing.T) {
	for _, c := range []struct {
		a, b            string
		relaxed, strict bool
	}{
		{"a.test", "a.test", true, true},
		{"x.a.test", "y.z.a.test", true, false},
		{"a.test", "b.test", false, false},
		{"a.co.uk", "b.co.uk", false, false}, // a public suffix is no organization
		{"co.uk", "co.uk", true, true},
		{"x.a.co.uk", "a.co.uk", true, false},
		{"", "", false, false},
		{"", "a.test", false, false},
		{"..", "a.test", false, false},
	} {
		if got := aligned(c.a, c.b, false); got != c.relaxed {
			t.Errorf("%s %s relaxed: %v", c.a, c.b, got)
		}
		if got := aligned(c.a, c.b, true); got != c.strict {
			t.Errorf("%s %s strict: %v", c.a, c.b, got)
		}
	}
}

func TestTemporaryFailuresAreNotHeldAgainstAnybody(t *testing.T) {
	p := policy{domain: "a.test", record: &record{policy: reject, percent: 100}}
	temp := dkimFinding{result: authres.ResultTempError, domain: "a.test"}
	for _, c := range []struct {
		f    findings
		want authres.ResultValue
	}{
		{findings{dkim: []dkimFinding{temp}}, authres.ResultTempError},
		{findings{dkim: []dkimFinding{temp, {result: authres.ResultPass, domain: "a.test"}}}, authres.ResultPass},
		{findings{dkim: []dkimFinding{{result: authres.ResultTempError, domain: "b.test"}}}, authres.ResultFail},
		{findings{spf: spfFinding{result: authres.ResultTempError, domain: "a.test"}}, authres.ResultTempError},
		{findings{}, authres.ResultFail},
	} {
		if got := evaluate(p, c.f); got != c.want {
			t.Errorf("%+v: %s", c.f, got)
		}
	}
}

func TestStrip(t *testing.T) {
	tx := &Transaction{Hostname: "mx.here.test"}
	for field, want := range map[string]bool{
		"Authentication-Results: mx.here.test; spf=pass":                true,
		"authentication-results:MX.Here.Test;spf=pass":                  true,
		"Authentication-Results : mx.here.test 1; spf=pass":             true,
		"Authentication-Results:\r\n\tmx.here.test;\r\n spf=pass":       true,
		"Authentication-Results: (hi (nested) \\) ) mx.here.test; none": true,
		"Authentication-Results: \"mx.here.test\"; none":                true,
		"Authentication-Results: \"mx.\\here.test\"; none":              true,
		"Authentication-Results: mx.here.test(c); none":                 true,
		"Authentication-Results: mx.here.test.; none":                   true,
		"Authentication-Results: mx.here.test":                          true,
		"Authentication-Results: mx.there.test; spf=pass":               false,
		"Authentication-Results: evil.mx.here.test; spf=pass":           false,
		"X-Authentication-Results: mx.here.test; spf=pass":              false,
		"Subject: mx.here.test; spf=pass":                               false,
	} {
		f := message.ParseHeader([]byte(field + "\r\n\r\n")).Fields()[0]
		if got := tx.Strip(f); got != want {
			t.Errorf("%q: %v", field, got)
		}
	}
}

// Whatever a stranger's names hold, the field stays one field, and says no more
// than we found.
func FuzzResultsField(f *testing.F) {
	f.Add("a.test; spf=pass", "x\r\nSubject: y", "\"; dmarc=pass")
	f.Fuzz(func(t *testing.T, spfDomain, dkimDomain, reason string) {
		a := newAuthenticator(Config{SPF: true, DKIM: true}, nil)
		tx := &Transaction{Hostname: "mx.here.test", Envelope: &mail.Envelope{}}
		all := a.results(tx, findings{
			spf:  spfFinding{result: authres.ResultFail, domain: spfDomain},
			dkim: []dkimFinding{{result: authres.ResultFail, domain: dkimDomain, reason: reason}},
		}, verdict{})
		field := resultsField(tx.Hostname, all)
		h := message.ParseHeader([]byte(field + "\r\n"))
		if len(h.Fields()) != 1 || !tx.Strip(h.Fields()[0]) {
			t.Fatalf("%q", field)
		}
		if strings.Count(field, ";") != 2 {
			t.Errorf("%q says more than two results", field)
		}
	})
}
