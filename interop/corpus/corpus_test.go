package corpus

import (
	"bytes"
	"testing"
)

func TestMakeIsRepeatableAndCRLF(t *testing.T) {
	a, b := Make(7, 600), Make(7, 600)
	seen := map[string]bool{}
	for i, m := range a {
		if !bytes.Equal(m.Bytes, b[i].Bytes) {
			t.Fatalf("message %d (%s) differs between two runs of one seed", i, m.Kind)
		}
		if seen[m.ID] || !bytes.Contains(m.Bytes, []byte(m.ID)) {
			t.Errorf("message %d (%s): its Message-ID is not its own", i, m.Kind)
		}
		seen[m.ID] = true
		bare := bytes.ReplaceAll(m.Bytes, []byte("\r\n"), nil)
		if bytes.ContainsAny(bare, "\r\n\x00") {
			t.Errorf("message %d (%s) holds a bare CR, LF or NUL", i, m.Kind)
		}
	}
}

func TestPlainHasItsSize(t *testing.T) {
	for _, size := range []int{1 << 10, 4 << 10, 100 << 10} {
		if got := len(Plain(1, "<x@y>", size)); got < size-2 || got > size+2 {
			t.Errorf("Plain of %d octets has %d", size, got)
		}
	}
}
