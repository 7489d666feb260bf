package message

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func TestDecodeWords(t *testing.T) {
	tests := []struct{ in, want string }{
		{"plain", "plain"},
		{"=?utf-8?q?gr=C3=BC=C3=9Fe?=", "grüße"},
		{"=?ISO-8859-1?Q?gr=FC=DFe?=", "grüße"},
		{"=?utf-8?B?Z3LDvMOfZQ==?=", "grüße"},
		{"=?utf-8?B?Z3LDvMOfZQ?=", "grüße"},
		{"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"},
		{"=?koi8-r?B?8NLJ18XU?=", "Привет"},
		{"a =?utf-8?q?b?= c", "a b c"},
		{"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
		{"=?utf-8?q?a?=\t =?iso-8859-1?q?=FC?=", "aü"},
		{"=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b"},
		{"=?utf-8?q?a=C3?= =?utf-8?b?vA==?=", "aü"}, // a character cut in two
		{"=?utf-8*de?q?a_b?=", "a b"},
		{"=?utf-8?q?a=ZZ?=", "a=ZZ"},
		{"=?nonsense-1?q?a=FC?=", "aü"},
		{"=?utf-8?q?a", "=?utf-8?q?a"},
		{"=?utf-8?x?a?=", "=?utf-8?x?a?="},
		{"=?=?=?", "=?=?=?"},
		{"=?utf-8?q??=", ""},
		{"raw gr\xfc", "raw grü"},
		{"raw grü", "raw grü"},
	}
	for _, tt := range tests {
		if got := DecodeWords(tt.in); got != tt.want {
			t.Errorf("DecodeWords(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestDecoderTakesDamagedText(t *testing.T) {
	tests := []struct{ encoding, in, want string }{
		{"base64", "aGVs\r\nbG8=", "hello"},
		{"BASE64", "aGVsbG8", "hello"},
		{"base64", "a*G V\x00sbG8=", "hello"},
		{"base64", "aGk=aGk=", "hihi"},
		{"base64", "aGkxa", "hi1"},
		{"base64", "", ""},
		{"quoted-printable", "a=\r\nb", "ab"},
		{"quoted-printable", "a= \t\r\nb", "ab"},
		{"quoted-printable", "a \t\r\nb\r\n", "a\r\nb\r\n"},
		{"quoted-printable", "a=3D=3d=C3=BC", "a==ü"},
		{"quoted-printable", "a=ZZ=4=", "a=ZZ=4"},
		{"quoted-printable", "a=\nb\nc", "ab\nc"},
		{"quoted-printable", "x= y", "x= y"},
		{"quoted-printable", "x==41", "x=A"},
		{"quoted-printable", "a\rb", "a\rb"},
		{"7bit", "a=3D", "a=3D"},
		{"", "a=3D", "a=3D"},
	}
	for _, tt := range tests {
		for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in))} {
			d, ok := Decoder(tt.encoding, r)
			got, err := io.ReadAll(d)
			if !ok || err != nil || string(got) != tt.want {
				t.Errorf("%s %q = %q, %v, %v; want %q", tt.encoding, tt.in, got, ok, err, tt.want)
			}
		}
	}
	if _, ok := Decoder("x-uuencode", strings.NewReader("")); ok {
		t.Error("an unknown encoding must be told")
	}
	d, _ := Decoder("base64", iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("aGVsbG8="))))
	if _, err := io.ReadAll(d); err != iotest.ErrTimeout {
		t.Errorf("err = %v, want the reader's", err)
	}
}

func TestText(t *testing.T) {
	tests := []struct{ name, msg, want string }{
		{"plain", "A: b\r\n\r\nhi\r\n", "hi\r\n"},
		{"latin-1 in quoted-printable", "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=FC=\r\n=DFe", "grüße"},
		{"base64", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nZ3LDvMOfZQ==\r\n", "grüße"},
		{"UTF-16", "Content-Type: text/plain; charset=utf-16le\r\nContent-Transfer-Encoding: base64\r\n\r\nZwByAPwA\r\n", "grü"},
		{"html", "Content-Type: text/html\r\n\r\n<html><head><style>x{}</style><script>var a='<b>'</script></head><p>gr&uuml;&szlig;<b>e</b><p>two<!-- c -->", "\ngrüße\ntwo"},
		{"unknown charset", "Content-Type: text/plain; charset=nonsense\r\n\r\nhi", "hi"},
		{"unknown encoding", "Content-Transfer-Encoding: x\r\n\r\nhi", "hi"},
		{"not UTF-8", "\r\ngr\xfc", "gr\uFFFD"},
		{"image", "Content-Type: image/png\r\n\r\nhi", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Text(strings.NewReader(tt.msg), mustParse(t, tt.msg), 1000)
			if err != nil || got != tt.want {
				t.Errorf("%q, %v; want %q", got, err, tt.want)
			}
			if got, _ := Text(strings.NewReader(tt.msg), mustParse(t, tt.msg), 3); len(got) > 6 {
				t.Errorf("limit 3: %d octets", len(got))
			}
		})
	}
	msg := "A: b\r\n\r\nhi"
	if _, err := Text(badReaderAt{}, mustParse(t, msg), 10); err != io.ErrNoProgress {
		t.Errorf("err = %v, want the reader's", err)
	}
}

type badReaderAt struct{}

func (badReaderAt) ReadAt([]byte, int64) (int, error) { return 0, io.ErrNoProgress }

func FuzzDecodeWords(f *testing.F) {
	f.Add("=?utf-8?q?a?= =?iso-2022-jp?B?GyRCRnxLXBsoQg==?= x")
	f.Fuzz(func(t *testing.T, s string) {
		got := DecodeWords(s)
		if !utf8.ValidString(got) {
			t.Fatalf("%q is not UTF-8", got)
		}
		if len(got) > 10*len(s)+10 {
			t.Fatalf("%d octets of %d", len(got), len(s))
		}
		if !strings.Contains(s, "=?") && utf8.ValidString(s) && got != s {
			t.Fatalf("%q became %q", s, got)
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add([]byte("Content-Type: text/html; charset=gb18030\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p =3D>&amp;<script>"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		root, err := Parse(bytes.NewReader(msg))
		if err != nil {
			t.Fatal(err)
		}
		for len(root.Parts) > 0 {
			root = root.Parts[0]
		}
		s, err := Text(bytes.NewReader(msg), root, 500)
		if err != nil || !utf8.ValidString(s) || len(s) > 1500 {
			t.Fatalf("%d octets, %v", len(s), err)
		}
	})
}
