package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func block(c byte) []byte { return bytes.Repeat([]byte{c}, sector) }

// What was flushed, or written through, is there after a cut; what was not is as
// it was, or as any write since left it.
func TestPowerOff(t *testing.T) {
	seen := map[byte]int{}
	for range 200 {
		path := filepath.Join(t.TempDir(), "disk")
		if err := os.WriteFile(path, make([]byte, 8*sector), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := openDisk(path, false)
		if err != nil {
			t.Fatal(err)
		}
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		do(d.write(append(block('a'), block('a')...), 0, false))
		do(d.flush())
		do(d.write(block('b'), 0, false))
		do(d.write(block('c'), 0, false))
		do(d.write(block('d'), sector, true))
		got := make([]byte, 2*sector)
		do(d.read(got, 0))
		if got[0] != 'c' || got[sector] != 'd' {
			t.Fatalf("read %c and %c", got[0], got[sector])
		}
		if _, _, err := d.powerOff(0.5); err != nil {
			t.Fatal(err)
		}
		if d.write(block('e'), 0, true) == nil || d.flush() == nil || d.read(got, 0) == nil {
			t.Fatal("it answers without power")
		}
		b, err := os.ReadFile(path)
		do(err)
		if b[sector] != 'd' || b[2*sector] != 0 {
			t.Fatalf("what was written through is %c, what was not written %c", b[sector], b[2*sector])
		}
		seen[b[0]]++
	}
	if seen['a'] == 0 || seen['b'] == 0 || seen['c'] == 0 || seen['a']+seen['b']+seen['c'] != 200 {
		t.Errorf("left of the first sector: %v", seen)
	}
}
