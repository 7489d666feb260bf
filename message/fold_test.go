package message

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestFold(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""}, {"already lower 1!", "already lower 1!"}, {"Hello, WORLD", "hello, world"},
		{"Grüße", "gru\u0308ße"}, {"gru\u0308SSE", "gru\u0308sse"}, {"CAFÉ", "cafe\u0301"},
		{"ΣΊΣΥΦΟΣ", "σι\u0301συφοσ"}, {"σίσυφος", "σι\u0301συφοσ"}, {"ﬁne", "fine"}, {"ＦＵＬＬ　ｗｉｄｔｈ", "full width"}, {"ℌ\u212a", "hk"},
		{"ſ", "s"}, {"İı", "i\u0307i"}, {"東京", "東京"}, {"한", "\u1112\u1161\u11ab"}, {"Привет", "привет"}, {"\u00a0", " "},
		{"a\xff\xfeB", "a\uFFFDb"},
	}
	for _, tt := range tests {
		if got := Fold(tt.in); got != tt.want {
			t.Errorf("%q: %q (%+q), want %q", tt.in, got, got, tt.want)
		}
	}
}

// FuzzFold: what is folded is UTF-8, has no capital of ASCII, and is the same
// when it is folded in pieces.
func FuzzFold(f *testing.F) {
	f.Add("Grüße \u0301e\u0323\u0301 \xff", 5)
	f.Add(strings.Repeat("é\u0323", 4000), 4000)
	f.Fuzz(func(t *testing.T, s string, cut int) {
		got := Fold(s)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			t.Fatalf("%q became %q", s, got)
		}
		if cut > 0 && cut < len(s) && s[cut] < utf8.RuneSelf && utf8.ValidString(s) && Fold(s[:cut])+Fold(s[cut:]) != got {
			t.Fatalf("%q cut at %d: %q and %q, whole %q", s, cut, Fold(s[:cut]), Fold(s[cut:]), got)
		}
		slow := []byte(nil)
		for _, r := range norm.NFKD.String(strings.ToValidUTF8(s, "\uFFFD")) {
			slow = utf8.AppendRune(slow, foldRune(r))
		}
		if utf8.ValidString(s) && len(s) < foldPiece && string(slow) != got {
			t.Fatalf("%q: %q, without the short way %q", s, got, slow)
		}
		if limited := appendFold(nil, []byte(s), 100); !strings.HasPrefix(got, string(limited)) {
			t.Fatalf("limited: %q, whole %q", limited, got)
		}
	})
}

func TestTextsBody(t *testing.T) {
	tests := []struct{ name, msg, want string }{
		{"plain", "A: b\r\n\r\nHi\r\n", "hi\r\n\n"},
		{"html in latin-1", "Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<b>Caf=E9</b> &amp; x", "cafe\u0301 & x\n"},
		{"image", "Content-Type: image/png\r\n\r\nhi", ""},
		{"multipart", "Content-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\nTmVlZGxl\r\n--b\r\nContent-Type: text/csv\r\n\r\nA,b\r\n--b--\r\n", "needle\na,b\n"},
		{"message within", "Content-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?=C3=84?= X\r\n\r\nInner\r\n", "subject: a\u0308 x\ninner\r\n\n"},
	}
	var texts Texts
	for _, tt := range tests {
		got, err := texts.Body(strings.NewReader(tt.msg), mustParse(t, tt.msg))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
	if _, err := texts.Body(badReaderAt{}, mustParse(t, tests[0].msg)); err == nil {
		t.Error("the reader's error is lost")
	}
}

func TestTextsAreBounded(t *testing.T) {
	var texts Texts
	msg := "Content-Type: text/plain; charset=utf-8\r\n\r\n" + strings.Repeat("\uFDFA", maxText/3+1000) + "end"
	got, err := texts.Body(strings.NewReader(msg), mustParse(t, msg))
	if err != nil || len(got) > maxFolded+20*foldPiece || bytes.Contains(got, []byte("end")) {
		t.Errorf("%d octets, %v", len(got), err)
	}
}

func BenchmarkTextsBody(b *testing.B) {
	plain := "Subject: x\r\n\r\n" + strings.Repeat("The quick brown fox jumps over the lazy dog, and again.\r\n", 180)
	umlauts := "Content-Type: text/plain; charset=utf-8\r\n\r\n" + strings.Repeat("Zwölf Boxkämpfer jagen Viktor quer über den großen Deich.\r\n", 170)
	html := "Content-Type: text/html\r\n\r\n" + strings.Repeat("<p>The quick <b>brown</b> fox jumps over the lazy dog.</p>\r\n", 170)
	for _, bb := range []struct{ name, msg string }{{"plain", plain}, {"umlauts", umlauts}, {"html", html}} {
		b.Run(bb.name, func(b *testing.B) {
			var texts Texts
			root := mustParse(b, bb.msg)
			r := strings.NewReader(bb.msg)
			b.SetBytes(int64(len(bb.msg)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := texts.Body(r, root); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
