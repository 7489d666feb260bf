package imapd

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestNormalise(t *testing.T) {
	for in, want := range map[string]string{
		"":             "",
		"a\r\nb\r\n":   "a\r\nb\r\n",
		"a\nb\n":       "a\r\nb\r\n",
		"a\rb\r":       "a\r\nb\r\n",
		"a\r\r\nb":     "a\r\n\r\nb",
		"\n\r\n\r\r\n": "\r\n\r\n\r\n\r\n",
	} {
		for name, r := range map[string]io.Reader{
			"at once": strings.NewReader(in), "bytewise": iotest.OneByteReader(strings.NewReader(in)),
		} {
			var b bytes.Buffer
			if err := normalise(&b, r); err != nil || b.String() != want {
				t.Errorf("%q %s: %q, %v, want %q", in, name, b.String(), err, want)
			}
		}
	}
	rest := strings.NewReader("a\x00b" + strings.Repeat("c", 100_000))
	if err := normalise(io.Discard, rest); err != errNUL || rest.Len() > 0 {
		t.Errorf("a NUL gave %v and left %d octets unread", err, rest.Len())
	}
}

// FuzzNormalise: every line ends in CRLF afterwards, nothing but line ends
// changes, and doing it twice changes nothing.
func FuzzNormalise(f *testing.F) {
	f.Add("a\nb\rc\r\nd")
	f.Fuzz(func(t *testing.T, in string) {
		var once, twice bytes.Buffer
		if err := normalise(&once, strings.NewReader(in)); err != nil {
			if !strings.Contains(in, "\x00") {
				t.Fatal(err)
			}
			return
		}
		out := once.String()
		bare := strings.ReplaceAll(out, "\r\n", "")
		if strings.ContainsAny(bare, "\r\n") {
			t.Fatalf("%q became %q", in, out)
		}
		lines := strings.NewReplacer("\r\n", "", "\r", "", "\n", "")
		if lines.Replace(in) != bare {
			t.Fatalf("%q became %q", in, out)
		}
		normalise(&twice, strings.NewReader(out))
		if twice.String() != out {
			t.Fatalf("%q became %q, then %q", in, out, twice.String())
		}
	})
}
