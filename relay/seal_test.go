package relay_test

import (
	"context"
	"strings"
	"testing"

	"posthorn/internal/dns/dnstest"
	"posthorn/mail"
	"posthorn/message"
	"posthorn/message/sign"
	"posthorn/store"
)

// Mail that an address of ours sends on gets an ARC set and is else as it came;
// what was not judged here, or is our own, gets none.
func TestForwardedMailIsSealed(t *testing.T) {
	rsaKey, text := key(t, "rsa")
	edKey, _ := key(t, "ed25519")
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
	n.keys = func(_ context.Context, domain string) ([]store.DKIMKey, error) {
		if domain != "us.test" {
			return nil, nil
		}
		return []store.DKIMKey{edKey, rsaKey}, nil
	}
	h := n.host("127.0.0.2", nil)
	const content = "DKIM-Signature: v=1; d=far.test; b=xyz\r\nFrom: s@far.test\r\nSubject: Hi\r\n\r\nbody  \r\n\r\n"
	const received = "Received: from a by us.test; x\r\n"
	head := func(arc string) string {
		return "Delivered-To: fwd@us.test\r\nAuthentication-Results: us.test;\r\n\tspf=pass smtp.mailfrom=far.test;\r\n\tdkim=none" + arc + "\r\n" + received
	}
	send := func(head, by string) string {
		t.Helper()
		m := letter("bob@x.test")
		m.From, m.Origin = mail.Path{Local: "s", Domain: "far.test"}, mail.Origin{Protocol: "ESMTP"}
		if by != "" {
			m.Origin.Forwarder = mail.Path{Local: "fwd", Domain: by}
		}
		outward := mail.Path{Local: "SRS0=x=y=far.test=s", Domain: "us.test"}
		m.Outward, m.Head, m.Content = &outward, []byte(head), mail.Bytes(content)
		if s := n.send(m)[0]; !s.OK() {
			t.Fatal(s.Reply)
		}
		got := h.Mails()[len(h.Mails())-1]
		if !strings.Contains(got.From, "<"+outward.String()+">") {
			t.Errorf("from %s", got.From)
		}
		return got.Data
	}
	validate := func(data string) sign.Chain {
		t.Helper()
		c, err := sign.Validate(message.ParseHeader([]byte(data)), strings.NewReader(data), func(string, string) (sign.Key, error) { return sign.ParseKey(text) })
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	once := send(head(""), "us.test")
	if c := validate(once); c.Status != sign.ChainPass || c.Sets != 1 || c.Sealer != "us.test" {
		t.Errorf("%+v of\n%s", c, once)
	}
	if !strings.HasSuffix(once, head("")+content) || !strings.HasPrefix(once, "ARC-Seal: i=1; a=rsa-sha256; cv=none;") {
		t.Errorf("sent\n%s", once)
	}
	for what, data := range map[string]string{
		"nobody sent it on":           send(head(""), ""),
		"it was not judged":           send("Delivered-To: fwd@us.test\r\n"+received+"Authentication-Results: us.test; spf=pass\r\n", "us.test"),
		"another host judged it":      send(strings.Replace(head(""), "Results: us.test", "Results: other.test", 1), "us.test"),
		"the domain has no key":       send(head(""), "them.test"),
		"a chain that was not there":  send(head(";\r\n\tarc=pass header.d=x.test"), "us.test"),
		"the chain could not be seen": send(head(";\r\n\tarc=temperror"), "us.test"),
	} {
		if strings.Contains(data, "ARC-") {
			t.Errorf("%s, and it is sealed:\n%s", what, data)
		}
	}
}
