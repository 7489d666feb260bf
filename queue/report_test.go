package queue

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/message"
	"posthorn/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

const original = "Received: from client by mx.here.test; Mon, 2 Nov 2026 10:00:00 +0000\r\n" +
	"From: Alice <alice@here.test>\r\nTo: Bob <bob@away.test>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from here\r\n" +
	"Date: Mon, 2 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@here.test>\r\n\r\nHello Bob\r\n"

// TestGolden shows every kind of report as it is written.
func TestGolden(t *testing.T) {
	now := time.Date(2026, 11, 2, 14, 30, 0, 0, time.UTC)
	to := func(addr string, s mail.Status) result {
		p, err := mail.ParsePath(addr)
		if err != nil {
			t.Fatal(err)
		}
		return result{Delivery: store.Delivery{Recipient: mail.Recipient{Path: p}}, status: s, at: now}
	}
	said := func(code int, x, text string) mail.Status {
		return mail.Status{Reply: reply(code, x, text), MTA: "mx.away.test"}
	}
	found := func(r mail.Reply) mail.Status { return mail.Status{Reply: r} }

	waiting := to("bob@away.test", found(mail.NoAnswer.With("mx.away.test [192.0.2.1]: connection refused")))
	waiting.until = now.Add(4*24*time.Hour + 20*time.Hour)
	expired := waiting
	expired.until, expired.expired = time.Time{}, true
	orcpt := to("bob@away.test", said(550, "5.1.1", "No such user"))
	orcpt.Recipient.ORCPT = "rfc822;team@here.test"

	tests := []struct {
		name     string
		occasion occasion
		results  []result
		full     bool
	}{
		{"unknown", failed, []result{orcpt}, false},
		{"unknown-full", failed, []result{orcpt}, true},
		{"expired", failed, []result{expired}, false},
		{"no-code", failed, []result{to("bob@away.test", said(554, "", "Transaction failed\nsee https://away.test/why for the reason, which is a rather long one as these things go"))}, false},
		{"domain", failed, []result{to("bob@awya.test", found(mail.DomainNotFound.With("awya.test")))}, false},
		{"blocked", failed, []result{to("bob@away.test", said(554, "5.7.1", "Client host [192.0.2.1] blocked using zen.spamhaus.org"))}, false},
		{"several", failed, []result{
			to("bob@away.test", said(550, "5.1.1", "No such user")),
			to("jürgen@bücher.test", found(mail.RemoteNeedsUTF8.With("The receiving server"))),
		}, false},
		{"hostile", failed, []result{to(`"a b"@away.test`, mail.Status{MTA: "mx\r\nX: y", Reply: reply(550, "5.7.1", "évil\x1b[2J\r\n--boundary\r\nAction: delivered")})}, false},
		{"delayed", delayed, []result{waiting}, false},
		{"delivered", delivered, []result{to("bob@here.test", found(mail.Delivered))}, false},
		{"relayed", relayed, []result{to("bob@away.test", said(250, "2.1.9", "Ok"))}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &mail.Mail{Envelope: mail.Envelope{From: mail.Path{Local: "alice", Domain: "here.test"}, ID: "QQ=1"}, QueueID: "0123456789ABC", Content: mail.Bytes(original)}
			h, err := head(m)
			if err != nil {
				t.Fatal(err)
			}
			c := composer{about: about{Mail: m, messageID: "1@here.test", arrived: now.Add(-4 * time.Hour)}, occasion: tt.occasion, results: tt.results,
				hostname: "mx.here.test", now: now, head: h, id: "ZZZZZZZZZZZZZ"}
			if tt.full {
				c.full = []byte(original)
			}
			got := c.compose()
			checkReport(t, got, tt.full)
			golden(t, tt.name, fixBoundary(got))
		})
	}
}

// checkReport holds what is true of every report.
func checkReport(t *testing.T, b []byte, full bool) {
	t.Helper()
	root, err := message.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, p := range root.Parts {
		types = append(types, strings.ToLower(p.Type+"/"+p.Subtype))
	}
	last := "text/rfc822-headers"
	if full {
		last = "message/rfc822"
	}
	if want := "text/plain message/delivery-status " + last; strings.Join(types, " ") != want {
		t.Errorf("parts are %v, want %s", types, want)
	}
	for line := range bytes.Lines(b) {
		if !bytes.HasSuffix(line, []byte("\r\n")) || bytes.ContainsRune(bytes.TrimSuffix(line, []byte("\r\n")), '\r') || len(line) > 1000 {
			t.Errorf("line %q", line)
		}
	}
	status := b[root.Parts[1].BodyStart:root.Parts[1].End]
	for i, c := range status {
		if c >= 0x80 || c < ' ' && c != '\r' && c != '\n' && c != '\t' {
			t.Errorf("octet %#x at %d of the delivery-status", c, i)
		}
	}
	if got, want := bytes.Count(status, []byte("\nAction: ")), bytes.Count(status, []byte("\nFinal-Recipient: ")); got != want || got == 0 {
		t.Errorf("%d actions for %d recipients", got, want)
	}
}

var boundary = regexp.MustCompile(`boundary="?([A-Za-z0-9]+)"?`)

func fixBoundary(b []byte) []byte {
	found := boundary.FindSubmatch(b)
	if found == nil {
		return b
	}
	return bytes.ReplaceAll(b, found[1], []byte("BOUNDARY"))
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "reports", name+".eml")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s (run with -update to see how):\n%s", file, got)
	}
}

func TestWrap(t *testing.T) {
	long := strings.Repeat("word ", 40)
	for line := range strings.SplitSeq(wrap(long, "  > "), "\n") {
		if len(line) > 72 || !strings.HasPrefix(line, "  > word") {
			t.Errorf("line %q", line)
		}
	}
	if got := wrap("", "  "); got != "" {
		t.Errorf("nothing gave %q", got)
	}
}
