package main

import (
	"strings"
	"testing"
	"time"

	"posthorn/mail"
)

func TestReadLetterGivesCRLF(t *testing.T) {
	for _, test := range []struct {
		name, in string
		dots     bool
		want     string
	}{
		{"bare LF", "A: b\n\nx\n", false, "A: b\r\n\r\nx\r\n"},
		{"CRLF stays", "A: b\r\n\r\nx\r\n", false, "A: b\r\n\r\nx\r\n"},
		{"bare CR becomes a line end", "a\rb\n", false, "a\r\nb\r\n"},
		{"a last line without an end gets one", "a\nb", false, "a\r\nb\r\n"},
		{"a dot ends it", "a\n.\nb\n", false, "a\r\n"},
		{"with -i a dot is a dot", "a\n.\nb\n", true, "a\r\n.\r\nb\r\n"},
		{"a last dot without a line end is a dot", "a\n.", false, "a\r\n.\r\n"},
		{"nothing", "", false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := readLetter(strings.NewReader(test.in), test.dots)
			if err != nil || string(got) != test.want {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestComposeAddsWhatIsMissingAndTakesBccAway(t *testing.T) {
	now := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	from := mail.Path{Local: "root", Domain: "example.org"}
	for _, test := range []struct {
		name, in     string
		want, absent []string
		body         string
	}{
		{"a bare text", "hello\r\n", []string{"From: Cron <root@example.org>", "Date: Sun, 22 Nov 2026 18:00:00 +0000", "Message-ID: <"}, nil, "hello\r\n"},
		{"an empty line first", "\r\nhello\r\n", []string{"From: Cron <root@example.org>"}, nil, "hello\r\n"},
		{"Bcc goes, its continuation too", "To: a@b\r\nBcc: c@d,\r\n e@f\r\nSubject: s\r\n\r\nx\r\n", []string{"To: a@b", "Subject: s"}, []string{"Bcc", "c@d", "e@f"}, "x\r\n"},
		{"what is there stays", "From: x@y\r\nDate: then\r\nMessage-ID: <1@y>\r\n\r\nx\r\n", []string{"From: x@y", "Date: then", "Message-ID: <1@y>"}, []string{"root@"}, "x\r\n"},
		{"a header without a body", "Subject: s\r\n", []string{"Subject: s"}, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := letter{User: "root", FullName: "Cron", Content: []byte(test.in)}
			head, body, ok := strings.Cut(string(l.compose(from, "mail.example.org", now)), "\r\n\r\n")
			if !ok || body != test.body {
				t.Errorf("body %q, want %q", body, test.body)
			}
			for _, w := range test.want {
				if !strings.Contains("\r\n"+head, "\r\n"+w) {
					t.Errorf("no %q in %q", w, head)
				}
			}
			for _, a := range test.absent {
				if strings.Contains(head, a) {
					t.Errorf("%q is in %q", a, head)
				}
			}
		})
	}
}

func TestRecipientsOfTheHeaderAndTheCommandLine(t *testing.T) {
	l := letter{To: []string{"root", "<a@b.example>"}, Header: true,
		Content: []byte("To: Someone <A@B.example>, friends: c@d.example, e;\r\nCc: \"x y\"@d.example\r\nBcc: hidden@d.example\r\n\r\nTo: body@d.example\r\n")}
	rs, err := l.recipients("example.org")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rs {
		got = append(got, r.Path.String())
	}
	want := `root@example.org a@b.example c@d.example e@example.org "x y"@d.example hidden@d.example`
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	if _, err := (letter{To: []string{"a b@c"}}).recipients("example.org"); err != error(mail.BadRecipient) {
		t.Errorf("a bad address gives %v", err)
	}
}

func TestSenderOfALetter(t *testing.T) {
	null, other, bad := "<>", "cron@example.net", "a b"
	for _, test := range []struct {
		sender *string
		want   string
		ok     bool
	}{{nil, "root@example.org", true}, {&null, "", true}, {&other, "cron@example.net", true}, {&bad, "", false}} {
		p, err := letter{User: "root", Sender: test.sender}.sender("example.org")
		if (err == nil) != test.ok || test.ok && p.String() != test.want {
			t.Errorf("got %q, %v; want %q", p, err, test.want)
		}
	}
}
