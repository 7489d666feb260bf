package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
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
		d, err := openDisk(path, false, 0)
		if err != nil {
			t.Fatal(err)
		}
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		write := func(b []byte, at int64) int64 {
			n, err := d.write(b, at)
			do(err)
			return n
		}
		write(append(block('a'), block('a')...), 0)
		do(d.flush())
		write(block('b'), 0)
		write(block('c'), 0)
		do(d.through(write(block('d'), sector), sector, sector))
		got := make([]byte, 2*sector)
		do(d.read(got, 0))
		if got[0] != 'c' || got[sector] != 'd' {
			t.Fatalf("read %c and %c", got[0], got[sector])
		}
		if _, _, err := d.powerOff(0.5); err != nil {
			t.Fatal(err)
		}
		if _, err := d.write(block('e'), 0); err == nil || d.flush() == nil || d.read(got, 0) == nil {
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

// A flush covers what was written before it began, and is nothing before it has
// ended.
func TestFlushTakesTime(t *testing.T) {
	for _, ended := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "disk")
			if err := os.WriteFile(path, make([]byte, 2*sector), 0o600); err != nil {
				t.Fatal(err)
			}
			d, err := openDisk(path, false, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.write(block('a'), 0); err != nil {
				t.Fatal(err)
			}
			flushed := make(chan error, 1)
			go func() { flushed <- d.flush() }()
			synctest.Wait()
			if _, err := d.write(append(block('b'), block('b')...), 0); err != nil {
				t.Fatal(err)
			}
			want := byte(0)
			if ended {
				if err := <-flushed; err != nil {
					t.Fatal(err)
				}
				want = 'a'
			}
			sectors, lost, err := d.powerOff(0)
			if err != nil || sectors != 2 || lost != 2 {
				t.Errorf("%d of %d sectors lost, %v", lost, sectors, err)
			}
			if b, err := os.ReadFile(path); err != nil || b[0] != want || b[sector] != 0 {
				t.Errorf("ended %v: %q and %q, %v", ended, b[0], b[sector], err)
			}
			if !ended && <-flushed == nil {
				t.Error("a flush of a disk without power was confirmed")
			}
		})
	}
}
