package message

import (
	"strings"
	"testing"
	"time"
)

func TestComposer(t *testing.T) {
	var c Composer
	c.Date("Date", time.Date(2026, 11, 2, 8, 5, 0, 0, time.FixedZone("", 3600)))
	c.Addresses("From", Address{Name: "Jörg, the \"Admin\"", Mailbox: "a b", Host: "x.example"})
	c.Addresses("To", Address{Name: "A. B", Mailbox: "c", Host: "d"}, Address{Group: true}, Address{Mailbox: "e", Host: "f"})
	c.Field("Subject", "Grüße "+strings.Repeat("lang ", 30))
	c.Field("X-Plain", "one\r\nInjected: two\x00")
	c.Field("X-Word", "not =?utf-8?q?a?= word")
	c.Multipart("report", Param{"report-type", "delivery-status"})
	boundary := c.stack[0]
	c.Part()
	c.Text("plain", "Grüße = "+strings.Repeat("x", 100)+" \nEnde")
	c.Part()
	c.Structured("Content-Type", "message/delivery-status")
	c.Raw([]byte("Reporting-MTA: dns; x\r\n"))
	c.Close()
	msg := string(c.Bytes())

	for line := range strings.Lines(msg) {
		if !strings.HasSuffix(line, "\r\n") || len(line) > 78 {
			t.Errorf("line %q", line)
		}
	}
	if !isASCII(msg) {
		t.Error("not ASCII")
	}
	h := ParseHeader([]byte(msg))
	for name, want := range map[string]string{
		"Date": "Mon, 2 Nov 2026 08:05:00 +0100", "Subject": "Grüße " + strings.TrimSpace(strings.Repeat("lang ", 30)),
		"X-Plain": "one  Injected: two", "X-Word": "not =?utf-8?q?a?= word", "Injected": "", "To": "\"A. B\" <c@d>, e@f",
	} {
		if got := DecodeWords(h.Get(name)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	from := ParseAddresses(h.Get("From"))
	if len(from) != 1 || DecodeWords(from[0].Name) != "Jörg, the \"Admin\"" || from[0].Mailbox != "a b" || from[0].Host != "x.example" {
		t.Errorf("From: %s", showAddresses(from))
	}
	root := mustParse(t, msg)
	if len(root.Parts) != 2 || root.Param("boundary") != boundary || root.Param("report-type") != "delivery-status" {
		t.Fatalf("structure: %s", outline(msg, root))
	}
	text, err := Text(strings.NewReader(msg), root.Parts[0], 1000)
	if want := "Grüße = " + strings.Repeat("x", 100) + " \r\nEnde\r\n"; err != nil || text != want {
		t.Errorf("text %q, want %q", text, want)
	}
	if got := msg[root.Parts[1].BodyStart:root.Parts[1].End]; got != "Reporting-MTA: dns; x\r\n" {
		t.Errorf("second part %q", got)
	}
}

func FuzzComposerField(f *testing.F) {
	f.Add("Grüße\r\nX: y", "plain text")
	f.Add(strings.Repeat("ü", 2000), "=?")
	f.Fuzz(func(t *testing.T, subject, text string) {
		var c Composer
		c.Field("Subject", subject)
		c.Structured("X-Raw", subject)
		c.Text("plain", text)
		msg := string(c.Bytes())
		for line := range strings.Lines(msg) {
			if !strings.HasSuffix(line, "\r\n") || len(line) > 1000 || strings.ContainsAny(line[:len(line)-2], "\r\n\x00") {
				t.Fatalf("line of %d octets: %.100q", len(line), line)
			}
		}
		h := ParseHeader([]byte(msg))
		if n := len(h.Fields()); n != 5 {
			t.Fatalf("%d fields: %q", n, msg)
		}
		got := strings.Join(strings.Fields(DecodeWords(h.Get("Subject"))), " ")
		if want := strings.Join(strings.Fields(cleanLine(subject)), " "); got != want && !strings.Contains(want, "=?") && len(want) < maxHardLine {
			t.Fatalf("subject %q, want %q", got, want)
		}
	})
}
