package relay_test

import (
	"context"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"posthorn/internal/dns/dnstest"
	"posthorn/mail"
	"posthorn/store"
)

// A report to a sender elsewhere has no login behind it and a null return path: it
// is signed as what this host itself writes, with all that places it in a thread.
func TestReportsAreSigned(t *testing.T) {
	edKey, edText := key(t, "ed25519")
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
	n.keys = func(context.Context, string) ([]store.DKIMKey, error) { return []store.DKIMKey{edKey}, nil }
	h := n.host("127.0.0.2", nil)
	m := letter("bob@x.test")
	m.From, m.Origin = mail.Path{}, mail.Origin{Proven: true, Protocol: "local"}
	m.Content = mail.Bytes("From: MAILER-DAEMON@mx.us.test\r\nTo: bob@x.test\r\nSubject: Not delivered\r\nReferences: <1@x.test>\r\nAuto-Submitted: auto-replied\r\n\r\nx\r\n")
	if s := n.send(m)[0]; !s.OK() {
		t.Fatal(s.Reply)
	}
	found, err := dkim.VerifyWithOptions(strings.NewReader(h.Mails()[0].Data), &dkim.VerifyOptions{
		LookupTXT: func(string) ([]string, error) { return []string{edText}, nil },
	})
	if err != nil || len(found) != 1 || found[0].Err != nil {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, name := range []string{"References", "Auto-Submitted", "Subject"} {
		if !strings.Contains(strings.Join(found[0].HeaderKeys, " "), name) {
			t.Errorf("%s is not signed: %v", name, found[0].HeaderKeys)
		}
	}
}
