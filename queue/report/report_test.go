package report

import (
	"bytes"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"time"
	"unicode"

	"posthorn/mail"
	"posthorn/message"
	"posthorn/queue/words"
)

var now = time.Date(2026, 11, 2, 14, 30, 0, 0, time.UTC)

const header = "From: Alice <alice@here.test>\r\nTo: Bob <bob@away.test>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" +
	"References: <0@here.test> <1@here.test>\r\nMessage-ID: <2@here.test>\r\n"

// about is a report about recipients for whom a server said the same.
func about(a Action, reply mail.Reply, to ...string) *Report {
	r := &Report{
		Action: a, ID: "ZZZZZZZZZZZZZ", Hostname: "mx.here.test", Now: now, Words: words.Of(words.English),
		Original: Original{
			Envelope: mail.Envelope{From: mail.Path{Local: "alice", Domain: "here.test"}}, QueueID: "0123456789ABC",
			MessageID: "2@here.test", Arrived: now.Add(-time.Hour), Header: []byte(header),
		},
	}
	for _, address := range to {
		p, err := mail.ParsePath(address)
		if err != nil {
			panic(err)
		}
		r.Recipients = append(r.Recipients, Recipient{
			Recipient: mail.Recipient{Path: p}, Status: mail.Status{Reply: reply, MTA: "mx.away.test"}, Code: mail.EnhancedCode{5, 1, 1},
			Kind: "no-such-mailbox", Who: words.Sender, Attempts: 1, First: now, Last: now,
		})
	}
	return r
}

func said(text string) mail.Reply {
	return mail.Reply{Code: 550, X: mail.EnhancedCode{5, 1, 1}, Text: text}
}

// parts are the texts of a report's leaves, decoded, by type.
func parts(t *testing.T, b []byte) map[string]string {
	t.Helper()
	root, err := message.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	leaves := append(root.Parts[0].Parts, root.Parts[1:]...)
	for _, p := range leaves {
		kind := strings.ToLower(p.Type + "/" + p.Subtype)
		body := b[p.BodyStart:p.End]
		if p.Encoding == "quoted-printable" {
			if body, err = io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body))); err != nil {
				t.Fatal(err)
			}
		}
		all[kind] = string(body)
	}
	return all
}

// A thousand recipients stay readable, and the report bounded, whatever the
// servers said.
func TestManyRecipients(t *testing.T) {
	var to []string
	for i := range MaxRecipients {
		to = append(to, fmt.Sprintf("%s%d@away.test", strings.Repeat("long", 15), i))
	}
	same := about(Failed, said("no such user"), to...)
	for i := range same.Recipients {
		same.Recipients[i].Status.Reply.Text = "<" + to[i] + ">: no such user" // each its own, as servers do
	}
	different := about(Failed, said(""), to...)
	for i := range different.Recipients {
		different.Recipients[i].Status.Reply.Text = fmt.Sprint(i, strings.Repeat(" word", 1000))
	}
	for name, r := range map[string]*Report{"said alike": same, "said differently": different} {
		b := r.Compose()
		if len(b) > 1<<20 {
			t.Errorf("%s: %d octets", name, len(b))
		}
		p := parts(t, b)
		if n := strings.Count(p["text/plain"], "\n"); n > 300 {
			t.Errorf("%s: %d lines for a person", name, n)
		}
		if !strings.Contains(message.ParseHeader(b).Get("Subject"), "1,000 recipients") {
			t.Errorf("%s: subject %q", name, message.ParseHeader(b).Get("Subject"))
		}
		if n := strings.Count(p["message/delivery-status"], "\r\nFinal-Recipient: "); n != MaxRecipients {
			t.Errorf("%s: %d recipients for programs", name, n)
		}
	}
	if text := parts(t, same.Compose())["text/plain"]; strings.Count(text, "What happened\r\n") != 1 || !strings.Contains(text, "and 980 more") {
		t.Errorf("not one group:\n%s", text)
	}
	if text := parts(t, different.Compose())["text/plain"]; !strings.Contains(text, "995 further recipients are listed") {
		t.Errorf("no end of groups:\n%s", text)
	}
}

// What a stranger wrote shows as what it is.
func TestForeignText(t *testing.T) {
	nasty := "<script>alert(1)</script> <a href=\"http://evil.test/\">log in</a> \u202etxt.exe\u2066\u200b\ufeff \U000E0041 \x1b[31m\x00 & \r\n--boundary\r\nAction: delivered\r\n" + strings.Repeat("x", 100_000)
	r := about(Failed, said(nasty), "bob@away.test")
	r.Recipients[0].Status.MTA = "mx\u202e\r\nX: <b>y</b>"
	r.Recipients[0].Path = mail.Path{Local: "a\u202eb<i>", Domain: "away.test"}
	r.Original.Header = []byte("Subject: \u202e<b>bold</b>\r\nTo: x\r\n")
	b := r.Compose()
	p := parts(t, b)
	for kind, text := range p {
		if strings.Contains(text, "\u202e") && kind != "text/rfc822-headers" || strings.ContainsAny(text, "\u2066\u200b\ufeff\U000E0041\x1b\x00") {
			t.Errorf("%s: characters that hide: %q", kind, text)
		}
		if len(text) > 20_000 {
			t.Errorf("%s: %d octets", kind, len(text))
		}
	}
	for _, tag := range []string{"<script", "<a ", "<b>", "<i>", "href", "src=", "http-equiv", "url("} {
		if strings.Contains(strings.ReplaceAll(p["text/html"], "href=&#34;", ""), tag) {
			t.Errorf("HTML has %q:\n%s", tag, p["text/html"])
		}
	}
	if n := strings.Count(p["message/delivery-status"], "\nAction: "); n != 1 {
		t.Errorf("%d actions: %q", n, p["message/delivery-status"])
	}
}

// Addresses beyond ASCII stand as they are where the sender knows UTF-8, else in
// the form made for fields of ASCII (RFC 6533 §3).
func TestInternational(t *testing.T) {
	r := about(Failed, said("Kein Postfach für jürgen"), "jürgen@bücher.test")
	r.Recipients[0].ORCPT = `utf-8;j\x{FC}rgen@b\x{FC}cher.test`
	r.Original.Header = append(r.Original.Header, "X-Grüße: ja\r\n"...)
	for _, tt := range []struct {
		utf8          bool
		status, field string
		original      string
	}{
		{false, "message/delivery-status", "Final-Recipient: utf-8; j\\x{FC}rgen@b\\x{FC}cher.test\r\n", "text/rfc822-headers"},
		{true, "message/global-delivery-status", "Final-Recipient: utf-8; jürgen@bücher.test\r\n", "message/global-headers"},
	} {
		r.Original.UTF8 = tt.utf8
		b := r.Compose()
		p := parts(t, b)
		if !strings.Contains(p[tt.status], tt.field) || !strings.Contains(p[tt.status], strings.Replace(tt.field, "Final", "Original", 1)) {
			t.Errorf("%t: %q", tt.utf8, p[tt.status])
		}
		if _, ok := p[tt.original]; !ok {
			t.Errorf("%t: no %s", tt.utf8, tt.original)
		}
		if h := message.ParseHeader(b); !strings.Contains(h.Get("Content-Type"), "report-type="+strings.TrimPrefix(tt.status, "message/")+";") {
			t.Errorf("%t: %s", tt.utf8, h.Get("Content-Type"))
		}
		if got := strings.Contains(p[tt.status], "für"); got != tt.utf8 {
			t.Errorf("%t: the reply is %q", tt.utf8, p[tt.status])
		}
	}
}

func TestUnitext(t *testing.T) {
	for _, s := range []string{"plain@x", "jürgen", "a+b=c\\d e", "日本", `\x{`, `\x{zz}`, `\x{110000}`, "\U0001F600"} {
		if got := fromUnitext(unitext(s)); got != s {
			t.Errorf("%q: %q, then %q", s, unitext(s), got)
		}
		if !isASCII(unitext(s)) {
			t.Errorf("%q: %q", s, unitext(s))
		}
	}
	for _, s := range []string{`\x{`, `\x{zz}a`, `\x{110000}`, `\x{D800}`} {
		if got := fromUnitext(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestThreading(t *testing.T) {
	r := about(Failed, said("no"), "bob@away.test")
	if got := r.references(); got != "<0@here.test> <1@here.test> <2@here.test>" {
		t.Errorf("references %s", got)
	}
	long := "References:"
	for i := range 300 {
		long += fmt.Sprintf(" <%d@here.test>\r\n", i)
	}
	r.Original.Header = []byte(long)
	got := message.MessageIDs(r.references())
	if len(got) != maxReferences+1 || got[0] != "0@here.test" || got[len(got)-2] != "299@here.test" || got[len(got)-1] != "2@here.test" {
		t.Errorf("of many: %v", got)
	}
	r.Original.Header = []byte("In-Reply-To: <a@b>\r\nReferences: \r\n")
	if got := r.references(); got != "<a@b> <2@here.test>" {
		t.Errorf("of a reply without references: %s", got)
	}
}

func TestWrap(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("word ", 40),
		strings.Repeat("配送できませんでした。", 20),
		strings.Repeat("请检查「地址」的拼写，然后再试。", 10),
		strings.Repeat("メール server（mx）", 20),
	} {
		got := Wrap(text, "1. ", "   ")
		for i, line := range strings.Split(got, "\n") {
			if displayWidth(line) > columns || i > 0 && !strings.HasPrefix(line, "   ") {
				t.Errorf("line %q of %d columns", line, displayWidth(line))
			}
			body := []rune(strings.TrimSpace(line))
			if strings.ContainsRune("。，」）", body[0]) || strings.ContainsRune("「（", body[len(body)-1]) {
				t.Errorf("line %q begins or ends with what may not", line)
			}
		}
		if joined := strings.NewReplacer("\n", "", " ", "").Replace(got); joined != "1."+strings.ReplaceAll(text, " ", "") {
			t.Errorf("text was lost:\n%s", got)
		}
	}
	if got := Wrap("a\u00a0b", "", ""); got != "a\u00a0b" {
		t.Errorf("a no-break space became %q", got)
	}
	if got := Wrap("", "> ", "> "); got != ">" {
		t.Errorf("nothing gave %q", got)
	}
}

// A number keeps what it counts: wherever the end of the line falls in a date, no
// line ends with a digit that the next goes on from.
func TestWrapNumbers(t *testing.T) {
	for _, date := range []string{"2026年11月2日（月）15:30（UTC+9）です。", "33次，首次2026年10月28日"} {
		for before := range columns {
			got := Wrap(strings.Repeat("x", before)+" "+date, "", "")
			first, second, broken := strings.Cut(got, "\n")
			if broken && unicode.IsDigit(rune(first[len(first)-1])) {
				t.Errorf("%q was broken before %q", first, second)
			}
			if strings.Count(got, "\n") > 1 || displayWidth(first) > columns {
				t.Errorf("became\n%s", got)
			}
		}
	}
}

// FuzzReport: whatever a stranger wrote, there are four parts, and one recipient.
func FuzzReport(f *testing.F) {
	f.Add("550 no\r\n--x\r\nAction: delivered", "Subject: x\r\n\r\nbody", "bob", "rfc822;bob@x")
	f.Add("\u202e", "Subject: =?utf-8?q?=00?=\r\nReferences: <a@b> <", "b\x00b", "utf-8;\\x{")
	f.Fuzz(func(t *testing.T, reply, header, local, orcpt string) {
		r := about(Failed, said(reply), "bob@away.test")
		r.Original.Header = []byte(strings.ReplaceAll(strings.ReplaceAll(header, "\r", ""), "\n", "\r\n"))
		r.Recipients[0].Path.Local, r.Recipients[0].ORCPT, r.Recipients[0].Status.MTA = local, orcpt, reply
		r.Original.ID = reply
		b := r.Compose()
		root, err := message.Parse(bytes.NewReader(b))
		if err != nil || len(root.Parts) != 3 || len(root.Parts[0].Parts) != 2 {
			t.Fatalf("%v: %q", err, b)
		}
		status := string(b[root.Parts[1].BodyStart:root.Parts[1].End])
		if strings.Count(status, "\r\nFinal-Recipient:") != 1 || strings.Count(status, "\r\nAction:") != 1 || strings.Count(status, "\r\n\r\n") != 1 || !isASCII(status) {
			t.Fatalf("%q", status)
		}
		if text, err := message.Text(bytes.NewReader(b), root.Parts[0].Parts[1], 1<<20); err != nil || strings.ContainsRune(text, '\u202e') || strings.Contains(text, "<script") {
			t.Fatalf("%v: %q", err, text)
		}
	})
}
