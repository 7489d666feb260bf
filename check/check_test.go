package check

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"posthorn/internal/dns"
	"posthorn/internal/dns/dnstest"
	"posthorn/mail"
	"posthorn/message"
)

const ours = "mx.here.test"

// key signs for every domain that zones gives it to.
var key = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

func zones() dnstest.Zones {
	published := "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
	txt := func(s ...string) dnstest.Node { return dnstest.Node{TXT: s} }
	return dnstest.Zones{
		"good.test":                  {TXT: []string{"v=spf1 ip4:192.0.2.1 -all"}, MX: []string{"10 mx.good.test"}},
		"k._domainkey.good.test":     txt(published),
		"_dmarc.good.test":           txt("v=DMARC1; p=reject"),
		"sub.good.test":              txt("v=spf1 ip4:192.0.2.1 -all"),
		"strict.test":                txt("v=spf1 ip4:192.0.2.1 -all"),
		"_dmarc.strict.test":         txt("v=DMARC1; p=reject; aspf=s; adkim=s"),
		"k._domainkey.strict.test":   txt(published),
		"mail.strict.test":           txt("v=spf1 ip4:192.0.2.1 -all"),
		"k._domainkey.a.strict.test": txt(published),
		"quarantine.test":            txt("v=spf1 -all"),
		"_dmarc.quarantine.test":     txt("v=DMARC1; p=quarantine"),
		"sp.test":                    txt("v=spf1 -all"),
		"_dmarc.sp.test":             txt("v=DMARC1; p=none; sp=reject"),
		"monitor.test":               txt("v=spf1 ~all"),
		"_dmarc.monitor.test":        txt("v=DMARC1; p=none; rua=mailto:x@monitor.test"),
		"several.test":               txt("v=spf1 -all"),
		"_dmarc.several.test":        txt("v=DMARC1; p=reject", "v=DMARC1; p=reject"),
		"plain.test":                 {A: []string{"192.0.2.7"}},
		"nullmx.test":                {MX: []string{"0 ."}},
		"silent.test":                {Silent: true},
		"_dmarc.silent.test":         {Silent: true},
		"k._domainkey.silent.test":   {Silent: true},
		"servfail.test":              {ServFail: true},
		"spfdown.test":               {ServFail: true},
		"_dmarc.spfdown.test":        txt("v=DMARC1; p=reject"),
	}
}

// letter is a message; each signer is a domain that signs it.
func letter(t *testing.T, from string, signers ...string) []byte {
	t.Helper()
	b := []byte("From: " + from + "\r\nTo: a@here.test\r\nSubject: hi\r\n\r\nHello\r\n")
	for _, d := range signers {
		var signed bytes.Buffer
		err := dkim.Sign(&signed, bytes.NewReader(b), &dkim.SignOptions{Domain: d, Selector: "k", Signer: crypto.Signer(key)})
		if err != nil {
			t.Fatal(err)
		}
		b = signed.Bytes()
	}
	return b
}

// arrive is the transaction of a message from a host.
func arrive(t testing.TB, host, from string, content []byte) *Transaction {
	t.Helper()
	p, err := mail.ParsePath(from)
	if err != nil {
		t.Fatal(err)
	}
	return &Transaction{
		Remote: netip.MustParseAddr(host), Helo: "client.good.test", Hostname: ours,
		Envelope: &mail.Envelope{From: p}, Content: mail.Bytes(content), Header: message.ParseHeader(content),
	}
}

func newPolicy(t *testing.T, cfg Config) Policy {
	t.Helper()
	return NewPolicy(cfg, dns.New(dnstest.Start(t, zones()).Addr), fakeOurs{}, slog.New(slog.DiscardHandler))
}

func TestOnData(t *testing.T) {
	const right, wrong = "192.0.2.1", "198.51.100.9"
	p := newPolicy(t, DefaultConfig())
	for _, c := range []struct {
		what             string
		host, path, from string
		signers          []string
		spoil            bool // the body is changed after signing
		refused          error
		proven, junk     bool
		results          string
	}{
		{what: "SPF passes, aligned", host: right, path: "a@good.test", from: "a@good.test", proven: true,
			results: "spf=pass smtp.mailfrom=good.test; dkim=none; dmarc=pass header.from=good.test"},
		{what: "SPF passes for a subdomain", host: right, path: "a@sub.good.test", from: "a@good.test", proven: true,
			results: "spf=pass smtp.mailfrom=sub.good.test; dkim=none; dmarc=pass header.from=good.test"},
		{what: "SPF passes for a stranger", host: right, path: "a@sub.good.test", from: "a@strict.test", proven: true, refused: mail.DMARCReject,
			results: "spf=pass smtp.mailfrom=sub.good.test; dkim=none; dmarc=fail header.from=strict.test"},
		{what: "strict alignment", host: right, path: "a@mail.strict.test", from: "a@strict.test", proven: true, refused: mail.DMARCReject,
			results: "spf=pass smtp.mailfrom=mail.strict.test; dkim=none; dmarc=fail header.from=strict.test"},
		{what: "strict alignment of a signature", host: wrong, path: "a@strict.test", from: "a@strict.test", signers: []string{"a.strict.test"}, proven: true, refused: mail.DMARCReject,
			results: "spf=fail smtp.mailfrom=strict.test; dkim=pass header.d=a.strict.test; dmarc=fail header.from=strict.test"},
		{what: "forwarded, signed", host: wrong, path: "a@good.test", from: "A. Good <a@good.test>", signers: []string{"good.test"}, proven: true,
			results: "spf=fail smtp.mailfrom=good.test; dkim=pass header.d=good.test; dmarc=pass header.from=good.test"},
		{what: "signed, return path of another", host: wrong, path: "a@plain.test", from: "a@good.test", signers: []string{"good.test"},
			results: "spf=none smtp.mailfrom=plain.test; dkim=pass header.d=good.test; dmarc=pass header.from=good.test"},
		{what: "two signatures, one good", host: wrong, path: "a@good.test", from: "a@good.test", signers: []string{"good.test", "plain.test"}, proven: true,
			results: "spf=fail smtp.mailfrom=good.test; dkim=permerror reason=\"no key*\" header.d=plain.test; dkim=pass header.d=good.test; dmarc=pass header.from=good.test"},
		{what: "changed on the way", host: wrong, path: "a@good.test", from: "a@good.test", signers: []string{"good.test"}, spoil: true, refused: mail.DMARCReject,
			results: "spf=fail smtp.mailfrom=good.test; dkim=fail reason=* header.d=good.test; dmarc=fail header.from=good.test"},
		{what: "forged", host: wrong, path: "a@good.test", from: "a@good.test", refused: mail.DMARCReject,
			results: "spf=fail smtp.mailfrom=good.test; dkim=none; dmarc=fail header.from=good.test"},
		{what: "forged with two authors", host: right, path: "a@sub.good.test", from: "a@good.test, b@strict.test", proven: true, refused: mail.DMARCReject,
			results: "spf=pass *; dmarc=pass header.from=good.test; dmarc=fail header.from=strict.test"},
		{what: "quarantine", host: wrong, path: "a@quarantine.test", from: "a@quarantine.test", junk: true,
			results: "spf=fail smtp.mailfrom=quarantine.test; dkim=none; dmarc=fail header.from=quarantine.test"},
		{what: "policy for subdomains", host: wrong, path: "a@sp.test", from: "a@x.y.sp.test", refused: mail.DMARCReject,
			results: "spf=fail *; dmarc=fail header.from=x.y.sp.test"},
		{what: "no policy for the domain itself", host: wrong, path: "a@sp.test", from: "a@sp.test",
			results: "spf=fail *; dmarc=fail header.from=sp.test"},
		{what: "monitoring", host: wrong, path: "a@monitor.test", from: "a@monitor.test",
			results: "spf=softfail *; dmarc=fail header.from=monitor.test"},
		{what: "several records", host: wrong, path: "a@several.test", from: "a@several.test",
			results: "spf=fail *; dmarc=none header.from=several.test"},
		{what: "SPF fails alone", host: wrong, path: "a@sub.good.test", from: "a@plain.test",
			results: "spf=fail *; dmarc=none header.from=plain.test"},
		{what: "a report", host: right, path: "", from: "MAILER-DAEMON@plain.test",
			results: "spf=none smtp.helo=client.good.test; dkim=none; dmarc=none *"},
		{what: "no author", host: right, path: "a@good.test", from: "undisclosed", proven: true,
			results: "spf=pass *; dmarc=permerror reason=\"no author domain\""},
		{what: "author domains hidden behind others", host: wrong, path: "a@plain.test", from: "a@1.test, a@2.test, a@3.test, a@4.test, a@good.test", junk: true,
			results: "spf=none *; dmarc=none header.from=4.test"},
		{what: "SPF's DNS fails", host: wrong, path: "a@spfdown.test", from: "a@spfdown.test",
			results: "spf=temperror *; dmarc=temperror header.from=spfdown.test"},
		{what: "an address literal", host: right, path: "a@[192.0.2.1]", from: "a@plain.test",
			results: "spf=none *; dmarc=none header.from=plain.test"},
	} {
		t.Run(c.what, func(t *testing.T) {
			content := letter(t, c.from, c.signers...)
			if c.spoil {
				content = bytes.Replace(content, []byte("Hello"), []byte("Hallo"), 1)
			}
			tx := arrive(t, c.host, c.path, content)
			if err := p.Run(t.Context(), OnData, tx); !errors.Is(err, c.refused) || c.refused == nil && err != nil {
				t.Errorf("got %v", err)
			}
			if tx.Proven != c.proven {
				t.Errorf("proven: %v", tx.Proven)
			}
			if m := (&mail.Mail{Head: tx.Head}); m.Junk() != c.junk {
				t.Errorf("junk: %v", m.Junk())
			}
			head := strings.TrimSuffix(string(tx.Head), mail.JunkField)
			got := strings.ReplaceAll(strings.TrimSuffix(head, "\r\n"), "\r\n\t", " ")
			if !like("Authentication-Results: "+ours+"; "+c.results, got) {
				t.Errorf("got  %s\nwant %s", got, c.results)
			}
			for line := range strings.SplitSeq(head, "\r\n") {
				if strings.ContainsAny(line, "\r\n") || len(line) > 900 {
					t.Errorf("line %q", line)
				}
			}
		})
	}
}

// like matches s with a pattern in which * stands for anything.
func like(pattern, s string) bool {
	first, rest, more := strings.Cut(pattern, "*")
	if !more {
		return first == s
	}
	if !strings.HasPrefix(s, first) {
		return false
	}
	for i := len(first); i <= len(s); i++ {
		if like(rest, s[i:]) {
			return true
		}
	}
	return false
}

func TestSilentDNSDelaysEachAnswerTwoSecondsAndRefusesNothing(t *testing.T) {
	p := newPolicy(t, DefaultConfig())
	content := letter(t, "a@silent.test", "silent.test")
	tx := arrive(t, "192.0.2.1", "a@silent.test", content)
	start := time.Now()
	if err := p.Run(t.Context(), OnMail, tx); err != nil {
		t.Errorf("at MAIL: %v", err)
	}
	if err := p.Run(t.Context(), OnData, tx); err != nil {
		t.Errorf("at the end of the content: %v", err)
	}
	if d := time.Since(start); d > 2*patience+time.Second/2 { // at MAIL, and for the content
		t.Errorf("it took %v", d)
	}
	for _, want := range []string{"spf=temperror", "dkim=temperror", "dmarc=temperror"} {
		if !strings.Contains(string(tx.Head), want) {
			t.Errorf("no %s in %s", want, tx.Head)
		}
	}
	if tx.Proven {
		t.Error("proven by silence")
	}
}

func TestOnMail(t *testing.T) {
	p := newPolicy(t, DefaultConfig())
	for from, want := range map[string]error{
		"a@good.test":      nil,
		"a@plain.test":     nil, // no MX, but an address
		"a@[192.0.2.1]":    nil,
		"":                 nil,
		"a@servfail.test":  nil,
		"a@nowhere.test":   mail.SenderNotFound,
		"a@x.nowhere.test": mail.SenderNotFound,
		"a@nullmx.test":    mail.SenderTakesNoMail,
	} {
		err := p.Run(t.Context(), OnMail, arrive(t, "192.0.2.1", from, nil))
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v", from, err)
		}
	}
	cfg := DefaultConfig()
	cfg.SenderDomain = false
	if err := newPolicy(t, cfg).Run(t.Context(), OnMail, arrive(t, "192.0.2.1", "a@nullmx.test", nil)); err != nil {
		t.Errorf("switched off: %v", err)
	}
}

func TestSwitches(t *testing.T) {
	content := letter(t, "a@strict.test", "strict.test")
	for _, c := range []struct {
		cfg  Config
		want string // the methods in the field
	}{
		{Config{}, ""},
		{Config{SPF: true}, "spf"},
		{Config{DKIM: true}, "dkim"},
		{Config{DMARC: true}, "dmarc"},
		{Config{SPF: true, DKIM: true, DMARC: true}, "spf dkim dmarc"},
	} {
		tx := arrive(t, "192.0.2.1", "a@strict.test", content)
		newPolicy(t, c.cfg).Run(t.Context(), OnData, tx) // DMARC alone finds nothing that passes
		var got []string
		for _, line := range strings.Split(string(tx.Head), "\r\n\t")[min(1, len(tx.Head)):] {
			method, _, _ := strings.Cut(line, "=")
			got = append(got, method)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %q", c.cfg, tx.Head)
		}
	}
}

// Signatures beyond the limit cost neither DNS nor time.
func TestManySignatures(t *testing.T) {
	server := dnstest.Start(t, zones())
	content := letter(t, "a@good.test", "good.test")
	var many bytes.Buffer
	for i := range 200 {
		fmt.Fprintf(&many, "DKIM-Signature: v=1; a=ed25519-sha256; d=d%d.test; s=k; h=From; bh=AAAA; b=AAAA\r\n", i)
	}
	many.Write(content)
	found, err := checkDKIM(t.Context(), dns.New(server.Addr), mail.Bytes(many.Bytes()), message.ParseHeader(many.Bytes()))
	if err != nil || len(found) != maxSignatures {
		t.Errorf("%d findings, %v", len(found), err)
	}
	if server.Asked("k._domainkey.d100.test", "TXT") != 0 {
		t.Error("a signature beyond the limit was looked up")
	}
}

func TestMalformedHeaderIsNoFailure(t *testing.T) {
	content := append([]byte("this is no header field\r\n"), letter(t, "a@good.test", "good.test")...)
	tx := arrive(t, "192.0.2.1", "a@good.test", content)
	if err := newPolicy(t, DefaultConfig()).Run(t.Context(), OnData, tx); err != nil {
		t.Error(err)
	}
}

// A check that fails by itself refuses nothing, and the next one is asked.
func TestFailingCheck(t *testing.T) {
	var log bytes.Buffer
	p := Policy{log: slog.New(slog.NewTextHandler(&log, nil))}
	p.checks[OnMail] = []Check{
		func(context.Context, *Transaction) error { return errors.New("scanner is on fire") },
		func(context.Context, *Transaction) error { return mail.SenderNotFound.With("x") },
	}
	if err := p.Run(t.Context(), OnMail, &Transaction{}); !errors.Is(err, mail.SenderNotFound) {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(log.String(), "on fire") {
		t.Error("it was not logged")
	}
}

// A return path that nobody answers for does not buy a way around the policy of
// the author's domain.
func TestSlowSenderDomainLeavesTimeForDMARC(t *testing.T) {
	p := newPolicy(t, DefaultConfig())
	tx := arrive(t, "198.51.100.9", "a@silent.test", letter(t, "ceo@good.test"))
	if err := p.Run(t.Context(), OnMail, tx); err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context(), OnData, tx); !errors.Is(err, mail.DMARCReject) {
		t.Errorf("got %v\n%s", err, tx.Head)
	}
}
