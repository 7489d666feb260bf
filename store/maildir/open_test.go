package maildir

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"posthorn/store"
)

// Content is the same whether it is held in memory or read from the disk, and
// none of it comes after Close: the memory is somebody else's then.
func TestOpenSmallAndLarge(t *testing.T) {
	b := New(t.TempDir())
	for _, size := range []int{0, 1, small - 1, small, small + 1, small + 2, 300_000} {
		want := bytes.Repeat([]byte("0123456789abcdef\n"), size/17+1)[:size]
		s, err := b.Stage(bytes.NewReader(want))
		ok(t, err)
		f := store.File{Place: inbox, Key: s.Key(), Size: s.Size()}
		ok(t, s.Link(f))
		ok(t, s.Discard())
		r, err := b.Open(t.Context(), f)
		ok(t, err)
		if r.Size() != int64(size) {
			t.Errorf("%d octets: size %d", size, r.Size())
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d octets: read %d, %v", size, len(got), err)
		}
		if err := iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), want); err != nil {
			t.Errorf("%d octets: %v", size, err)
		}
		ok(t, r.Close())
		var one [1]byte
		if n, err := r.ReadAt(one[:], 0); n != 0 || err == nil {
			t.Errorf("%d octets: %d read after Close, %v", size, n, err)
		}
		for _, other := range []int64{f.Size - 1, f.Size + 1} {
			if wrong := b.disk.Rename(b.path(f, ""), b.path(store.File{Place: inbox, Key: f.Key, Size: other}, "")); wrong != nil {
				t.Fatal(wrong)
			}
			if _, err := b.Open(t.Context(), store.File{Place: inbox, Key: f.Key, Size: other}); other >= 0 && !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("%d octets, taken for %d: %v", size, other, err)
			}
			ok(t, b.disk.Rename(b.path(store.File{Place: inbox, Key: f.Key, Size: other}, ""), b.path(f, "")))
		}
	}
}

// A reader that is late sees its own content or none, never another's.
func TestNobodyReadsAnothersContent(t *testing.T) {
	b := New(t.TempDir())
	var files [2]store.File
	for i := range files {
		s, err := b.Stage(strings.NewReader(strings.Repeat(string(rune('a'+i)), 5000)))
		ok(t, err)
		files[i] = store.File{Place: inbox, Key: s.Key(), Size: s.Size()}
		ok(t, s.Link(files[i]))
		ok(t, s.Discard())
	}
	var wg sync.WaitGroup
	for i := range files {
		wg.Go(func() {
			for range 500 {
				r, err := b.Open(t.Context(), files[i])
				if err != nil {
					t.Error(err)
					return
				}
				var late sync.WaitGroup
				late.Go(func() {
					p := make([]byte, 5000)
					n, err := r.ReadAt(p, 0)
					if err == nil && n == len(p) && string(p) == strings.Repeat(string(rune('a'+i)), 5000) || n == 0 && errors.Is(err, os.ErrClosed) {
						return
					}
					t.Errorf("%d octets beginning with %q, %v", n, p[0], err)
				})
				r.Close()
				late.Wait()
			}
		})
	}
	wg.Wait()
}

func BenchmarkOpen(b *testing.B) {
	blobs := New(b.TempDir())
	s, err := blobs.Stage(strings.NewReader(strings.Repeat("x", 10_000)))
	if err != nil {
		b.Fatal(err)
	}
	f := store.File{Place: inbox, Key: s.Key(), Size: s.Size()}
	if err := s.Link(f); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(f.Size)
	b.ReportAllocs()
	for b.Loop() {
		r, err := blobs.Open(b.Context(), f)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, io.NewSectionReader(r, 0, r.Size()))
		r.Close()
	}
}
