package relay

import (
	"bytes"
	"testing"
)

func mended(t *testing.T, pieces ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	m := mender{w: &b}
	for _, p := range pieces {
		if n, err := m.Write(p); n != len(p) || err != nil {
			t.Fatalf("wrote %d of %d: %v", n, len(p), err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Whatever the content and however it comes in pieces: no CR or LF stands alone,
// the header section and the last line end, and what is mended stays as it is.
func FuzzMender(f *testing.F) {
	for _, s := range []string{"", "a: b\r\n\r\nc\r\n", "a\rb\nc\r\r\n\n.\r\n", "a: b\r\n", "\r", "\r\n\r", "x\r\n\r\n\n.\n"} {
		f.Add([]byte(s), 1)
	}
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		out := mended(t, in)
		if rest := bytes.ReplaceAll(out, []byte("\r\n"), nil); bytes.ContainsAny(rest, "\r\n") {
			t.Errorf("stray line ends in %q", out)
		}
		if !bytes.HasPrefix(out, []byte("\r\n")) && !bytes.Contains(out, []byte("\r\n\r\n")) {
			t.Errorf("the header section of %q has no end", out)
		}
		if !bytes.HasSuffix(out, []byte("\r\n")) {
			t.Errorf("the last line of %q has no end", out)
		}
		if cut = max(0, min(cut, len(in))); !bytes.Equal(mended(t, in[:cut], in[cut:]), out) {
			t.Errorf("in two pieces it is %q, else %q", mended(t, in[:cut], in[cut:]), out)
		}
		if again := mended(t, out); !bytes.Equal(again, out) {
			t.Errorf("mended twice it is %q, once %q", again, out)
		}
	})
}
