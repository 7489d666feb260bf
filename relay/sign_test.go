package relay_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"posthorn/internal/dns/dnstest"
	"posthorn/mail"
	"posthorn/store"
)

// RFC 6376 §5.4: what a reader goes by is signed where it is there, each of it,
// and From once more, so that no second one can be put in.
func TestWhatIsSigned(t *testing.T) {
	edKey, edText := key(t, "ed25519")
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
	n.keys = func(context.Context, string) ([]store.DKIMKey, error) { return []store.DKIMKey{edKey}, nil }
	h := n.host("127.0.0.2", nil)
	m := letter("bob@x.test")
	m.Origin.Login = "alice@us.test"
	m.Content = mail.Bytes("Date: Mon, 2 Nov 2026 10:00:00 +0000\r\nFrom: alice@us.test\r\nTo: bob@x.test\r\nSubject: Hi\r\n" +
		"Message-ID: <1@us.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\nX-Mailer: any\r\n\r\nx\r\n")
	if s := n.send(m)[0]; !s.OK() {
		t.Fatal(s.Reply)
	}
	verify := func(data string) *dkim.Verification {
		t.Helper()
		found, err := dkim.VerifyWithOptions(strings.NewReader(data), &dkim.VerifyOptions{
			LookupTXT: func(string) ([]string, error) { return []string{edText}, nil },
		})
		if err != nil || len(found) != 1 {
			t.Fatalf("%d signatures, %v", len(found), err)
		}
		return found[0]
	}
	sent := h.Mails()[0].Data
	v := verify(sent)
	if v.Err != nil {
		t.Fatal(v.Err)
	}
	slices.Sort(v.HeaderKeys)
	if got, want := strings.Join(v.HeaderKeys, " "), "Content-Type Date From From MIME-Version Message-ID Subject To"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for name, tampered := range map[string]string{
		"a second From":      "From: eve@x.test\r\n" + sent,
		"another recipient":  strings.Replace(sent, "To: bob", "To: eve", 1),
		"another type":       strings.Replace(sent, "text/plain", "text/html", 1),
		"no Message-ID":      strings.Replace(sent, "Message-ID:", "X-Gone:", 1),
		"another date":       strings.Replace(sent, "2026", "2027", 1),
		"a body with more":   sent + "PS\r\n",
		"what is not signed": strings.Replace(sent, "X-Mailer: any\r\n", "", 1),
	} {
		if broken := verify(tampered).Err != nil; broken != (name != "what is not signed") {
			t.Errorf("%s: broken is %v", name, broken)
		}
	}
}

// [relay] dkim = false leaves signing to the smarthost.
func TestSigningIsOff(t *testing.T) {
	edKey, _ := key(t, "ed25519")
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
	n.keys = func(context.Context, string) ([]store.DKIMKey, error) { return []store.DKIMKey{edKey}, nil }
	n.cfg.DKIM = false
	h := n.host("127.0.0.2", nil)
	m := letter("bob@x.test")
	m.Origin.Login = "alice@us.test"
	if s := n.send(m)[0]; !s.OK() {
		t.Fatal(s.Reply)
	}
	if sent := h.Mails()[0].Data; strings.Contains(sent, "DKIM-Signature") {
		t.Errorf("signed:\n%s", sent)
	}
}
