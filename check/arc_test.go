package check

import (
	"strings"
	"testing"
	"time"

	"posthorn/message/sign"
)

// The state of a forwarder's chain is recorded, and changes nothing else: one
// that passes excuses no failure of DMARC.
func TestARCIsRecorded(t *testing.T) {
	seal := func(domain, content string) string {
		s := sign.NewSealer(sign.Seal{Domain: domain, Selector: "k", Key: key, Results: "mx." + domain + "; dmarc=pass", Chain: sign.ChainNone,
			Fields: []string{"From", "Subject"}, Time: time.Now()})
		s.Write([]byte(content))
		set, err := s.Set()
		if err != nil {
			t.Fatal(err)
		}
		return string(set) + content
	}
	const content = "From: a@sp.test\r\nSubject: hi\r\n\r\nHello\r\n"
	p := newPolicy(t, DefaultConfig())
	for name, c := range map[string]struct{ content, want string }{
		"a chain that holds": {seal("good.test", content), "\tarc=pass header.d=good.test\r\n"},
		"a body changed":     {strings.Replace(seal("good.test", content), "Hello", "Hallo", 1), "\tarc=fail reason=\"the body was changed\" header.d=good.test"},
		"no key":             {seal("plain.test", content), "\tarc=fail "},
		"a DNS in trouble":   {seal("silent.test", content), "\tarc=temperror\r\n"},
		"half a set":         {"ARC-Seal: i=1; cv=none\r\n" + content, "\tarc=fail"},
		"no chain":           {content, ""},
	} {
		tx := arrive(t, "198.51.100.9", "a@sp.test", []byte(c.content))
		p.Run(t.Context(), OnData, tx)
		if got := string(tx.Head); !strings.Contains(got, c.want) || strings.Contains(got, "\tarc=") != (c.want != "") || !strings.Contains(got, "dmarc=") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
