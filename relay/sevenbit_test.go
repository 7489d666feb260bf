package relay_test

import (
	"context"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"posthorn/internal/dns/dnstest"
	"posthorn/mail"
	"posthorn/relay/relaytest"
	"posthorn/store"
)

const (
	sevenBitHost = "250-mx.test\r\n250 PIPELINING"
	eightBitHost = "250-mx.test\r\n250-8BITMIME\r\n250 PIPELINING"
	utf8Host     = "250-mx.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 PIPELINING"
)

// Our own mail goes to a server without 8BITMIME in 7 bits, and is signed so.
// A stranger's stays as it is (RFC 6152 §3).
func TestServerWithout8BITMIME(t *testing.T) {
	edKey, edText := key(t, "ed25519")
	ours, theirs := mail.Origin{Login: "alice@us.test"}, mail.Origin{Protocol: "ESMTP", Proven: true}
	const (
		text   = "From: alice@us.test\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nFrühling lässt sein blaues Band wieder flattern durch die Lüfte.\r\n"
		signed = "From: alice@us.test\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nFrühling\r\n--b--\r\n"
	)
	long := "From: alice@us.test\r\n\r\n" + strings.Repeat("x", 1200) + "\r\n"
	for _, tt := range []struct {
		name, host, content string
		origin              mail.Origin
		want                mail.Reply
		converted           bool
	}{
		{"ours, 7 bits", sevenBitHost, text, ours, mail.OK, true},
		{"ours, 8 bits", eightBitHost, text, ours, mail.OK, false},
		{"a stranger's, 7 bits", sevenBitHost, text, theirs, mail.OK, false},
		{"ours, signed by its author, 7 bits", sevenBitHost, signed, ours, mail.NeedsConversion, false},
		{"ours, signed by its author, 8 bits", eightBitHost, signed, ours, mail.OK, false},
		{"a stranger's, signed, 7 bits", sevenBitHost, signed, theirs, mail.OK, false},
		{"ours, a long line", eightBitHost, long, ours, mail.OK, true},
		{"a stranger's long line", eightBitHost, long, theirs, mail.OK, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}})
			n.keys = func(context.Context, string) ([]store.DKIMKey, error) { return []store.DKIMKey{edKey}, nil }
			h := n.host("127.0.0.2", relaytest.Script{"EHLO": tt.host})
			m := letter("bob@x.test")
			m.Origin, m.Content, m.Body = tt.origin, mail.Bytes(tt.content), mail.Body8BitMIME
			s := n.send(m)[0]
			if tt.want.Code != 250 {
				if !s.Reply.Is(tt.want) || len(h.Mails()) != 0 {
					t.Errorf("got %v, %d messages", s.Reply, len(h.Mails()))
				}
				return
			}
			if !s.OK() || len(h.Mails()) != 1 {
				t.Fatalf("got %v, %d messages", s.Reply, len(h.Mails()))
			}
			got := h.Mails()[0]
			_, received, _ := strings.Cut(got.Data, "Received: ")
			if asIs := received == strings.TrimPrefix(string(m.Head), "Received: ")+tt.content; asIs == tt.converted {
				t.Errorf("converted: %v\n%s", !asIs, got.Data)
			}
			if says := strings.Contains(got.From, "BODY=8BITMIME"); says != (tt.host == eightBitHost && !tt.converted) {
				t.Errorf("%s", got.From)
			}
			if tt.converted {
				checkConverted(t, got.Data, tt.content)
			}
			if tt.origin == ours {
				checkSigned(t, got.Data, edText)
			}
		})
	}
}

// checkConverted wants lines for every server and the same text behind them.
func checkConverted(t *testing.T, got, content string) {
	t.Helper()
	for line := range strings.SplitSeq(got, "\r\n") {
		if len(line) > 998 || strings.IndexFunc(line, func(c rune) bool { return c >= 0x80 }) >= 0 {
			t.Errorf("%q", line)
		}
	}
	_, body, _ := strings.Cut(got, "\r\n\r\n")
	_, want, _ := strings.Cut(content, "\r\n\r\n")
	if text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body))); err != nil || string(text) != want {
		t.Errorf("%v: %q", err, text)
	}
}

func checkSigned(t *testing.T, got, record string) {
	t.Helper()
	found, err := dkim.VerifyWithOptions(strings.NewReader(got), &dkim.VerifyOptions{
		LookupTXT: func(string) ([]string, error) { return []string{record}, nil },
	})
	if err != nil || len(found) != 1 || found[0].Err != nil {
		t.Errorf("%v, %+v\n%s", err, found, got)
	}
}

// SMTPUTF8 is said only where an address or a header needs it (RFC 6531 §3.5);
// our own header that needs it is written in ASCII for a server without it.
func TestServerWithoutSMTPUTF8(t *testing.T) {
	ours, theirs := mail.Origin{Login: "alice@us.test"}, mail.Origin{Protocol: "UTF8SMTP", Proven: true}
	plain := "From: alice@us.test\r\nSubject: Hi\r\n\r\nx\r\n"
	subject := "From: alice@us.test\r\nSubject: Grüße\r\n\r\nx\r\n"
	from := "From: älice@us.test\r\n\r\nx\r\n"
	for _, tt := range []struct {
		name, host, to, content string
		origin                  mail.Origin
		want                    mail.Reply
		says                    bool
	}{
		{"nothing needs it", utf8Host, "bob@x.test", plain, ours, mail.OK, false},
		{"a domain alone", utf8Host, "bob@bücher.test", plain, ours, mail.OK, false},
		{"a domain alone, without", eightBitHost, "bob@bücher.test", plain, ours, mail.OK, false},
		{"an address", utf8Host, "bób@x.test", plain, ours, mail.OK, true},
		{"an address, without", eightBitHost, "bób@x.test", plain, ours, mail.RemoteNeedsUTF8, false},
		{"a subject", utf8Host, "bob@x.test", subject, ours, mail.OK, true},
		{"our subject, without", eightBitHost, "bob@x.test", subject, ours, mail.OK, false},
		{"our subject, without 8BITMIME", sevenBitHost, "bob@x.test", subject, ours, mail.OK, false},
		{"a stranger's subject, without", eightBitHost, "bob@x.test", subject, theirs, mail.RemoteNeedsUTF8, false},
		{"our address in a header, without", eightBitHost, "bob@x.test", from, ours, mail.RemoteNeedsUTF8, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}}, "xn--bcher-kva.test": {A: []string{"127.0.0.2"}}})
			h := n.host("127.0.0.2", relaytest.Script{"EHLO": tt.host})
			m := letter(tt.to)
			m.Origin, m.Content, m.UTF8 = tt.origin, mail.Bytes(tt.content), true
			s := n.send(m)[0]
			if tt.want.Code != 250 {
				if !s.Reply.Is(tt.want) || len(h.Mails()) != 0 {
					t.Errorf("got %v, %d messages", s.Reply, len(h.Mails()))
				}
				return
			}
			if !s.OK() || len(h.Mails()) != 1 {
				t.Fatalf("got %v, %d messages", s.Reply, len(h.Mails()))
			}
			got := h.Mails()[0]
			if says := strings.HasSuffix(got.From, " SMTPUTF8"); says != tt.says {
				t.Errorf("%s", got.From)
			}
			if !tt.says && !isASCII(got.From+got.Data+strings.Join(got.To, "")) {
				t.Errorf("%q", got.Data)
			}
		})
	}
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c >= 0x80 }) < 0
}
