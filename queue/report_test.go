package queue

import (
	"bytes"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/message"
	"posthorn/queue/report"
	"posthorn/queue/words"
	"posthorn/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

const original = "Received: from client by mx.here.test; Mon, 2 Nov 2026 10:00:00 +0000\r\n" +
	"From: Alice <alice@here.test>\r\nTo: Bob <bob@away.test>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from here\r\n" +
	"Date: Mon, 2 Nov 2026 10:00:00 +0000\r\nReferences: <0@here.test>\r\nMessage-ID: <1@here.test>\r\n\r\nHello Bob\r\n"

// reportTime is when the reports of tests are written.
var reportTime = time.Date(2026, 11, 2, 14, 30, 0, 0, time.UTC)

// sample is a report about an original, as golden files have it: the reader is in
// Berlin.
func sample(t *testing.T, lang string, occ occasion, results ...result) *report.Report {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	m := &mail.Mail{Envelope: mail.Envelope{From: mail.Path{Local: "alice", Domain: "here.test"}, ID: "QQ=1"}, QueueID: "0123456789ABC", Content: mail.Bytes(original)}
	a := about{Mail: m, messageID: "1@here.test", arrived: reportTime.Add(-4 * time.Hour)}
	d := &draft{Queue: &Queue{cfg: Config{Hostname: "mx.here.test", ReturnFull: 1 << 16}}}
	r := &report.Report{
		Action: occ, Original: d.original(a, occ), ID: "ZZZZZZZZZZZZZ", Hostname: "mx.here.test", Now: reportTime,
		Words: words.Of(lang), Clock: report.Clock{Location: berlin, Whose: report.Yours},
	}
	if r.Words == nil {
		t.Fatalf("no catalogue %q", lang)
	}
	for _, one := range results {
		r.Recipients = append(r.Recipients, recipient(a, occ, one, "mx.here.test", "mail"))
	}
	return r
}

// to is a result for one recipient.
func to(t *testing.T, address string, s mail.Status) result {
	t.Helper()
	p, err := mail.ParsePath(address)
	if err != nil {
		t.Fatal(err)
	}
	return result{Delivery: store.Delivery{Recipient: mail.Recipient{Path: p}}, status: s, at: reportTime}
}

// said is what a server answered over an encrypted connection.
func said(host string, r mail.Reply) mail.Status {
	return mail.Status{Reply: r, MTA: host, Link: mail.Link{
		Remote: addr("203.0.113.25"), Local: addr("192.0.2.1"), TLS: "TLS 1.3 TLS_AES_128_GCM_SHA256",
	}}
}

// TestRemoteReports shows what the sender gets to read of each real answer: the
// notice of a delay where it is tried again, else the failure.
func TestRemoteReports(t *testing.T) {
	for _, a := range remoteAnswers(t) {
		t.Run(a.name, func(t *testing.T) {
			one := to(t, "bob@away.test", said(a.host, a.reply))
			occ := report.Failed
			if Classify(a.reply).Decision != Fail {
				occ = report.Delayed
				one.until = reportTime.Add(4*24*time.Hour + 20*time.Hour)
				if limit := Classify(a.reply).Limit; limit > 0 { // since it came, four hours ago
					one.until = reportTime.Add(limit - 4*time.Hour)
				}
				one.Attempts, one.Tried = 6, reportTime.Add(-4*time.Hour)
			}
			r := sample(t, words.English, occ, one)
			if got, want := r.Recipients[0].Code, a.fields["status"]; got.String() != want && occ == report.Failed {
				t.Errorf("status %s, want %s", got, want)
			}
			checkReport(t, r, r.Compose())
			golden(t, filepath.Join("remote", a.name), r.Compose())
		})
	}
}

// TestReports shows every kind of report as it is written.
func TestReports(t *testing.T) {
	found := func(r mail.Reply) mail.Status { return mail.Status{Reply: r} }
	away := func(code int, x, text string) mail.Status { return said("mx.away.test", reply(code, x, text)) }
	waiting := to(t, "bob@away.test", mail.Status{Reply: mail.NoAnswer.With("mx.away.test [203.0.113.25]: connection refused"), MTA: "mx.away.test", Link: mail.Link{Remote: addr("203.0.113.25")}})
	waiting.until = reportTime.Add(4*24*time.Hour + 20*time.Hour)
	waiting.Attempts, waiting.Tried = 6, reportTime.Add(-4*time.Hour)
	expired := waiting
	expired.until, expired.expired, expired.Attempts, expired.Tried = time.Time{}, true, 32, reportTime.Add(-5*24*time.Hour)
	orcpt := to(t, "bob@away.test", away(550, "5.1.1", "No such user"))
	orcpt.Recipient.ORCPT = "rfc822;team@here.test"
	unicode := to(t, "jürgen@bücher.test", found(mail.RemoteNeedsUTF8.With("The receiving server")))
	hostile := to(t, `"a b"@away.test`, mail.Status{MTA: "mx\r\nX: y", Reply: reply(550, "5.7.1", "évil\x1b[2J\u202e\r\n--boundary\r\nAction: delivered <script>alert(1)</script>")})

	tests := []struct {
		name    string
		occ     occasion
		results []result
		change  func(r *report.Report)
	}{
		{"unknown", report.Failed, []result{orcpt}, nil},
		{"unknown-full", report.Failed, []result{orcpt}, func(r *report.Report) { r.Original.Full = []byte(original) }},
		{"expired", report.Failed, []result{expired}, nil},
		{"several", report.Failed, []result{to(t, "bob@away.test", away(550, "5.1.1", "<bob@away.test>: No such user")), to(t, "rob@away.test", away(550, "5.1.1", "<rob@away.test>: No such user")), unicode},
			func(r *report.Report) {
				r.Others = []report.Other{{Path: mail.Path{Local: "carol", Domain: "here.test"}, Fate: report.Done}, {Path: mail.Path{Local: "dave", Domain: "slow.test"}, Fate: report.Waiting}}
			}},
		{"unicode", report.Failed, []result{unicode}, func(r *report.Report) { r.Original.UTF8 = true }},
		{"hostile", report.Failed, []result{hostile}, nil},
		{"delayed", report.Delayed, []result{waiting}, nil},
		{"delivered", report.Delivered, []result{to(t, "bob@here.test", found(mail.Delivered))}, nil},
		{"relayed", report.Relayed, []result{to(t, "bob@away.test", away(250, "2.1.9", "Ok"))}, nil},
		{"expanded", report.Expanded, []result{to(t, "team@here.test", found(mail.Delivered))}, nil},
	}
	for _, tt := range tests {
		for _, lang := range words.Languages() {
			if lang != words.English && !slices.Contains([]string{"unknown", "expired", "several", "delayed", "relayed"}, tt.name) {
				continue
			}
			t.Run(tt.name+"."+lang, func(t *testing.T) {
				r := sample(t, lang, tt.occ, tt.results...)
				if tt.change != nil {
					tt.change(r)
				}
				b := r.Compose()
				checkReport(t, r, b)
				golden(t, tt.name+"."+lang, b)
			})
		}
	}
}

// checkReport holds what is true of every report.
func checkReport(t *testing.T, r *report.Report, b []byte) {
	t.Helper()
	root, err := message.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, p := range append(root.Parts, root.Parts[0].Parts...) {
		types = append(types, strings.ToLower(p.Type+"/"+p.Subtype))
	}
	want := "multipart/alternative message/delivery-status text/rfc822-headers text/plain text/html"
	switch {
	case r.Original.Full != nil:
		want = strings.Replace(want, "text/rfc822-headers", "message/rfc822", 1)
	case r.Original.UTF8:
		want = strings.Replace(want, "message/delivery", "message/global-delivery", 1)
	}
	if got := strings.Join(types, " "); got != want {
		t.Errorf("parts are %v, want %s", got, want)
	}
	for line := range bytes.Lines(b) {
		if !bytes.HasSuffix(line, []byte("\r\n")) || bytes.ContainsRune(bytes.TrimSuffix(line, []byte("\r\n")), '\r') || len(line) > 1000 {
			t.Errorf("line %q", line)
		}
	}
	status := b[root.Parts[1].BodyStart:root.Parts[1].End]
	for i, c := range status {
		if c >= 0x80 && !r.Original.UTF8 || c < ' ' && c != '\r' && c != '\n' && c != '\t' {
			t.Errorf("octet %#x at %d of the delivery-status", c, i)
		}
	}
	if got := bytes.Count(status, []byte("\nAction: "+string(r.Action)+"\r\n")); got != len(r.Recipients) {
		t.Errorf("%d actions for %d recipients", got, len(r.Recipients))
	}
	for i, p := range root.Parts[0].Parts {
		text, err := message.Text(bytes.NewReader(b), p, 1<<20)
		if err != nil || strings.ContainsAny(text, "{}") || i == 0 && !strings.Contains(text, r.Words.Report.Heading.Next) {
			t.Errorf("%v, part %d: %s", err, i, text)
		}
	}
}

var boundaries = regexp.MustCompile(`boundary="?([A-Za-z0-9]+)"?`)

// fixBoundaries gives random boundaries names that stay.
func fixBoundaries(b []byte) []byte {
	for i, found := range boundaries.FindAllSubmatch(b, -1) {
		b = bytes.ReplaceAll(b, found[1], []byte{'B', 'O', 'U', 'N', 'D', 'A', 'R', 'Y', '1' + byte(i)})
	}
	return b
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	got = fixBoundaries(got)
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
func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
