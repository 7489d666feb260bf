package message

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func sevenBit(t *testing.T, in string, utf8 bool) (string, error) {
	t.Helper()
	r, err := SevenBit(strings.NewReader(in), int64(len(in)), utf8)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), nil
}

const cte = "Content-Transfer-Encoding: "

func TestSevenBit(t *testing.T) {
	long := strings.Repeat("x", 999)
	soft := strings.Repeat("x", 75) + "=\r\n"
	for _, test := range []struct{ name, in, want string }{
		{"nothing to do", "A: b\r\n\r\ntext\r\n", "A: b\r\n\r\ntext\r\n"},
		{"a text", "Received: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n" + cte + "8bit\r\nX: y\r\n\r\nGr\xfc\xdfe = \r\n",
			"Received: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nX: y\r\n" + cte + "base64\r\n\r\nR3L832UgPSANCg==\r\n"},
		{"a text that is mostly ASCII", "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nFr\xc3\xbchling l\xe4sst sein blaues Band\r\n-- \r\n.\r\n",
			"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n" + cte + "quoted-printable\r\n\r\nFr=C3=BChling l=E4sst sein blaues Band\r\n=2D-=20\r\n.\r\n"},
		{"a text from before MIME", "A: b\r\n\r\nFr\xc3\xbchling wieder mit der Post\r\n",
			"A: b\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" + cte + "quoted-printable\r\n\r\nFr=C3=BChling wieder mit der Post\r\n"},
		{"a text in nobody knows what", "A: b\r\n\r\nFr\xfchling wieder mit der Post\r\n",
			"A: b\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n" + cte + "quoted-printable\r\n\r\nFr=FChling wieder mit der Post\r\n"},
		{"a long line", "A: b\r\n\r\n" + long + "\r\n",
			"A: b\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" + cte + "quoted-printable\r\n\r\n" + strings.Repeat(soft, 13) + long[:24] + "\r\n"},
		{"base64 in one line", "Content-Type: image/png\r\n" + cte + "base64\r\nMIME-Version: 1.0\r\n\r\n" + strings.Repeat("AAAA", 250),
			"Content-Type: image/png\r\nMIME-Version: 1.0\r\n" + cte + "base64\r\n\r\n" + strings.Repeat(strings.Repeat("A", 76)+"\r\n", 13) + "AAAAAAAAAAAA\r\n"},
		{"a multipart", "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n" + cte + "8bit\r\n\r\npr\xe9ambule\r\n--b\r\n" +
			cte + "8bit\r\n\r\nplain\r\n--b\r\nContent-Type: application/x\r\n" + cte + "binary\r\n\r\n\x00\xff\r\n--b--\r\n\xe9pilogue\r\n",
			"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n" + cte + "7bit\r\n\r\n--b\r\n" +
				cte + "7bit\r\n\r\nplain\r\n--b\r\nContent-Type: application/x\r\n" + cte + "base64\r\n\r\nAP8=\r\n\r\n--b--\r\n"},
		{"a message within", "Content-Type: message/rfc822\r\n" + cte + "8bit\r\n\r\nSubject: \xc3\xa4\r\n\r\nFr\xc3\xbchling wieder mit der Post\r\n",
			"Content-Type: message/rfc822\r\nMIME-Version: 1.0\r\n" + cte + "7bit\r\n\r\nSubject: =?utf-8?b?w6Q=?=\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" +
				cte + "quoted-printable\r\n\r\nFr=C3=BChling wieder mit der Post\r\n"},
		{"a signed part that fits", "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/signed; boundary=i\r\n\r\n--i\r\n" + cte + "8bit\r\n\r\ntext\r\n--i--\r\n--o\r\nContent-Type: image/x\r\n\r\n\xff\xff\xff\r\n--o--\r\n",
			"Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/signed; boundary=i\r\n\r\n--i\r\n" + cte + "8bit\r\n\r\ntext\r\n--i--\r\n--o\r\nContent-Type: image/x\r\n" + cte + "base64\r\n\r\n////\r\n\r\n--o--\r\n"},
		{"header fields", "Subject: =?utf-8?q?=C3=84?= \xc3\xa4 x\r\nFrom: J\xc3\xb6rg <j@a.test>, b@a.test\r\nContent-Disposition: attachment; filename=\"\xc3\xbc.txt\"; size=3\r\n\r\ntext\r\n",
			"Subject: =?utf-8?b?w4Qgw6QgeA==?=\r\nFrom: =?utf-8?b?SsO2cmc=?= <j@a.test>, b@a.test\r\nContent-Disposition: attachment; filename*=utf-8''%C3%BC.txt; size=3\r\n\r\ntext\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := sevenBit(t, test.in, false)
			if err != nil || got != test.want {
				t.Errorf("%v\n%q, want\n%q", err, got, test.want)
			}
		})
	}
}

func TestSevenBitThatCannotBe(t *testing.T) {
	signed := "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xc3\xa4\r\n--b--\r\n"
	for _, test := range []struct {
		name, in string
		want     error
	}{
		{"signed", signed, ErrOpaque},
		{"signed, in a message", "Content-Type: message/rfc822\r\n\r\n" + signed, ErrOpaque},
		{"encrypted", strings.Replace(signed, "signed", "encrypted", 1), ErrOpaque},
		{"an encoding nobody knows", cte + "x-uu\r\n\r\n\xff", ErrOpaque},
		{"a boundary that is not ASCII", "Content-Type: multipart/mixed; boundary=\xe9\r\n\r\n--\xe9\r\n\r\n\r\n--\xe9--\r\n", ErrOpaque},
		{"a field name that is a line", strings.Repeat("x", 999) + ": \xe9\r\n\r\n", ErrOpaque},
		{"a type that is none", "Content-Type: text\x00/plain; x=\xe9\r\n\r\n", ErrNonASCIIHeader},
		{"an address", "From: j\xc3\xb6rg@a.test\r\n\r\n", ErrNonASCIIHeader},
		{"a group", "To: \xc3\xa4: a@b.test;\r\n\r\n", ErrNonASCIIHeader},
		{"a message id", "Message-ID: <\xc3\xb6@a.test>\r\n\r\n", ErrNonASCIIHeader},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := sevenBit(t, test.in, false); !errors.Is(err, test.want) {
				t.Errorf("%v\n%q", err, got)
			}
		})
	}
	if got, err := sevenBit(t, "From: j\xc3\xb6rg@a.test\r\n\r\n", true); err != nil || !strings.Contains(got, "j\xc3\xb6rg") {
		t.Errorf("with SMTPUTF8: %v, %q", err, got)
	}
}

// A text that is broken anew holds no delimiter it did not hold.
func TestSevenBitKeepsDelimiters(t *testing.T) {
	for n := range 160 {
		in := "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + strings.Repeat("x", n) + "--b \r\n\xe9" + strings.Repeat("y", 500) + "\r\n--b--\r\n"
		if n == 0 {
			continue // it is one
		}
		sameParts(t, in, must(sevenBit(t, in, false)))
	}
}

func must(s string, err error) string {
	if err != nil {
		panic(err)
	}
	return s
}

// sameParts fails unless the parts of both messages decode to the same.
func sameParts(t *testing.T, before, after string) {
	t.Helper()
	a, b := leaves(t, before), leaves(t, after)
	if len(a) != len(b) {
		t.Fatalf("%d parts, then %d:\n%q\n%q", len(a), len(b), before, after)
	}
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("part %d was\n%q and is\n%q:\n%q\n%q", i, a[i], b[i], before, after)
		}
	}
}

// leaves gives for each leaf where it is, its type and what it decodes to.
func leaves(t *testing.T, in string) (all []string) {
	root, err := Parse(strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	var walk func(p *Part, where string)
	walk = func(p *Part, where string) {
		where += " " + p.Type + "/" + p.Subtype
		for _, child := range p.Parts {
			walk(child, where)
		}
		if p.Message != nil {
			walk(p.Message, where)
		}
		if len(p.Parts) > 0 || p.Message != nil {
			return
		}
		r, _ := Decoder(p.Encoding, strings.NewReader(in[p.BodyStart:p.End]))
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, where+": "+string(body))
	}
	walk(root, "")
	return all
}

// FuzzSevenBit: what comes out is for every server, each part decodes to what it
// did, doing it twice changes nothing, and subjects read the same.
func FuzzSevenBit(f *testing.F) {
	for _, seed := range []string{
		"A: b\r\n\r\n\xe9",
		"Content-Type: multipart/mixed; boundary=b\r\n" + cte + "8bit\r\n\r\n\xe9\r\n--b\r\n\r\n\xe9\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: \xe9\r\n\r\n\xe9\r\n--b--\r\n\xe9",
		cte + "quoted-printable\r\n\r\n=C3\xa4 \r\n= \r\n",
		cte + "base64\r\n\r\n" + strings.Repeat("QUJD", 300),
		cte + "binary\r\n\r\n\x00\n\r",
		"Content-Type: multipart/signed; boundary=b\r\n" + cte + "8bit\r\n\r\n--b\r\n" + cte + "8bit\r\n\r\nx\r\n--b--",
		"Content-Type: text/plain; name=\"\xc3\xa4\"\r\nTo: \xc3\xa4 <a@b>\r\n\r\n",
		"Content-Type: multipart/mixed\r\n" + cte + "8bit\r\n\r\n\xe9",
		"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: \xe9\n\n\xe9 \n--b--",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, in string, utf8 bool) {
		out, err := sevenBit(t, in, utf8)
		if err != nil {
			return
		}
		sameParts(t, in, out)
		if again, err := sevenBit(t, out, utf8); err != nil || again != out {
			t.Fatalf("%q became %q, then %q, %v", in, out, again, err)
		}
		s, _ := survey(strings.NewReader(out), 0, int64(len(out)))
		if s.long || s.eight && !utf8 {
			t.Fatalf("%q became %q", in, out)
		}
		if h := ParseHeader([]byte(in)); !utf8 && len(h.Get("Subject")) < 900 {
			was, is := readable(h.Get("Subject")), readable(ParseHeader([]byte(out)).Get("Subject"))
			if was != is {
				t.Fatalf("the subject was %q and is %q", was, is)
			}
		}
	})
}

// readable is a text as people see it: in words.
func readable(s string) string { return strings.Join(strings.Fields(cleanLine(DecodeWords(s))), " ") }
