package message

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPreview(t *testing.T) {
	const alternative = "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
	tests := []struct{ name, msg, want string }{
		{"plain", "A: b\r\n\r\n  Hello,\r\n\r\nthis  is\tit.\r\n", "Hello, this is it."},
		{"nothing", "A: b\r\n\r\n \r\n", ""},
		{"no text", "Content-Type: image/png\r\n\r\nxx", ""},
		{"quoted-printable in latin-1", "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=FC=\r\n=DFe", "grüße"},
		{"html", "Content-Type: text/html\r\n\r\n<style>p{}</style><p>one<p>two &amp; <b>three</b>", "one two & three"},
		{"first that says something", alternative + "--b\r\n\r\n \r\n--b\r\nContent-Type: text/html\r\n\r\n<i>here</i>\r\n--b--\r\n", "here"},
		{"attachment last", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment\r\n\r\nattached\r\n--b\r\n\r\nbody\r\n--b--\r\n", "body"},
		{"only an attachment", "Content-Disposition: attachment\r\n\r\nattached\r\n", "attached"},
		{"message within", "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nwithin\r\n", "within"},
		{"filler", "Content-Type: text/plain; charset=utf-8\r\n\r\n\u200b\u034f \u200b\u034f \ufeffseen\x01\x1b[", "seen["},
		{"200 characters", "Content-Type: text/plain; charset=utf-8\r\n\r\n" + strings.Repeat("ü", 300), strings.Repeat("ü", 200)},
		{"words", "A: b\r\n\r\n" + strings.Repeat("a ", 150), strings.TrimSpace(strings.Repeat("a ", 100))},
	}
	for _, tt := range tests {
		b, err := MakeDigest(strings.NewReader(tt.msg))
		if err != nil {
			t.Fatal(err)
		}
		d, err := ParseDigest(b)
		if err != nil || string(d.Preview) != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, d.Preview, err, tt.want)
		}
	}
}

// FuzzPreview: whatever a message is, its preview is one line of at most 200
// characters.
func FuzzPreview(f *testing.F) {
	f.Add("Content-Type: text/html; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA")
	f.Add("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\xff\xfe\r\n--b--")
	f.Fuzz(func(t *testing.T, msg string) {
		root, err := Parse(strings.NewReader(msg))
		if err != nil {
			t.Fatal(err)
		}
		b, err := preview(strings.NewReader(msg), root)
		if err != nil || !utf8.Valid(b) || utf8.RuneCount(b) > maxPreview || strings.ContainsAny(string(b), "\r\n\x00\t") {
			t.Fatalf("%q, %v", b, err)
		}
	})
}
