package message

import (
	"encoding/base64"
	"io"
	"strings"
	"testing"
)

func unbinaried(t *testing.T, in string) string {
	t.Helper()
	r, err := Unbinary(strings.NewReader(in), int64(len(in)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestUnbinary(t *testing.T) {
	const cte = "Content-Transfer-Encoding: "
	for _, test := range []struct{ name, in, want string }{
		{"nothing binary", "Subject: a\r\n\r\n\x01\r\n", "Subject: a\r\n\r\n\x01\r\n"},
		{"whole message", "A: b\r\n" + cte + "Binary\r\nC: d\r\n\r\n\x00\n\xff", cte + "base64\r\nA: b\r\nC: d\r\n\r\nAAr/\r\n"},
		{"no body", cte + "binary\r\n\r\n", cte + "base64\r\n\r\n"},
		{"part of a multipart", "Content-Type: multipart/mixed; boundary=b\r\n" + cte + "binary\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n" +
			cte + "binary\r\n\r\n\x00\r\n--b--\r\n",
			cte + "8bit\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n" +
				cte + "base64\r\n\r\nAA==\r\n\r\n--b--\r\n"},
		{"message within", "Content-Type: message/rfc822\r\n" + cte + "binary\r\n\r\n" + cte + "binary\r\n\r\n\x00",
			cte + "8bit\r\nContent-Type: message/rfc822\r\n\r\n" + cte + "base64\r\n\r\nAA==\r\n"},
	} {
		if got := unbinaried(t, test.in); got != test.want {
			t.Errorf("%s:\n%q, want\n%q", test.name, got, test.want)
		}
	}
}

// FuzzUnbinary: no part is binary afterwards, none has lost an octet, and doing
// it twice changes nothing.
func FuzzUnbinary(f *testing.F) {
	f.Add("Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n--b\r\nContent-Transfer-Encoding: binary\r\n\r\n\x00\n\r\n--b--\r\n")
	f.Add("Content-Type: message/rfc822\nContent-Transfer-Encoding: binary\n\nContent-Transfer-Encoding: binary\n\n\x00")
	f.Fuzz(func(t *testing.T, in string) {
		out := unbinaried(t, in)
		if again := unbinaried(t, out); again != out {
			t.Fatalf("%q became %q, then %q", in, out, again)
		}
		if len(binaries(t, out)) > 0 {
			t.Fatalf("%q became %q: still binary", in, out)
		}
		plain := strings.ReplaceAll(out, "\r\n", "")
		for _, body := range binaries(t, in) {
			if !strings.Contains(plain, base64.StdEncoding.EncodeToString(body)) {
				t.Fatalf("%q became %q: %q is lost", in, out, body)
			}
		}
	})
}

// binaries are the bodies of the leaves in binary encoding.
func binaries(t *testing.T, in string) (bodies [][]byte) {
	root, err := Parse(strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	var walk func(p *Part)
	walk = func(p *Part) {
		if strings.EqualFold(p.Encoding, "binary") && p.Message == nil && len(p.Parts) == 0 {
			bodies = append(bodies, []byte(in[p.BodyStart:p.End]))
		}
		for _, child := range p.Parts {
			walk(child)
		}
		if p.Message != nil {
			walk(p.Message)
		}
	}
	walk(root)
	return bodies
}
