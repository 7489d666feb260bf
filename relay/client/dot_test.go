package client

import (
	"bytes"
	"testing"
)

// Whatever the content: the end of data stands at its end and nowhere before,
// and a server that takes the dots off again has what was sent.
func FuzzDotWriter(f *testing.F) {
	for _, s := range []string{"", ".", "..\r\n.\r\n", "a\r\n.\r\nMAIL FROM:<x>\r\n", "a\r\n.", "\r\n\r\n"} {
		f.Add([]byte(s), 2)
	}
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		// Its input has CRLF line ends only.
		in = bytes.ReplaceAll(bytes.ReplaceAll(in, []byte("\r"), nil), []byte("\n"), []byte("\r\n"))
		cut = max(0, min(cut, len(in)))
		var b bytes.Buffer
		w := newDotWriter(&b)
		for _, p := range [][]byte{in[:cut], in[cut:]} {
			if _, err := w.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		end := []byte("\r\n.\r\n")
		wire := append([]byte("\r\n"), b.Bytes()...) // after the 354 a line begins
		if i := bytes.Index(wire, end); i != len(wire)-len(end) {
			t.Fatalf("the end of %q is at %d", wire, i)
		}
		body := bytes.ReplaceAll(wire[:len(wire)-len(end)+2], []byte("\r\n."), []byte("\r\n"))[2:]
		if len(in) > 0 && !bytes.HasSuffix(in, []byte("\r\n")) {
			in = append(in[:len(in):len(in)], "\r\n"...)
		}
		if !bytes.Equal(body, in) {
			t.Errorf("sent %q, arrived %q", in, body)
		}
	})
}
