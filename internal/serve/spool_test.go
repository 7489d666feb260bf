package serve

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func octets(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + i%26 + i/1000%5)
	}
	return b
}

func whole(t *testing.T, s *Spool) []byte {
	t.Helper()
	r, err := s.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil || int64(len(b)) != s.Size() {
		t.Fatalf("%d octets of %d: %v", len(b), s.Size(), err)
	}
	return b
}

func TestSpoolKeepsContent(t *testing.T) {
	for name, c := range map[string]struct {
		size   int
		budget int64
		inFile bool
	}{
		"nothing":                    {0, 1 << 30, false},
		"one octet":                  {1, 1 << 30, false},
		"as much as the first room":  {firstRoom, 1 << 30, false},
		"more than the first room":   {firstRoom + 1, 1 << 30, false},
		"4 MiB":                      {inMemory - 1, 1 << 30, false},
		"more than 4 MiB":            {inMemory + 1, 1 << 30, true},
		"a budget that has run dry":  {100, firstRoom - 1, true},
		"a budget that ends halfway": {1 << 20, 256 << 10, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			budget := NewBudget(c.budget)
			s := Spools{budget, dir}.New()
			want := octets(c.size)
			over, err := s.Fill(iotest.DataErrReader(bytes.NewReader(want)), 0)
			if over || err != nil {
				t.Fatal(over, err)
			}
			if (s.file != nil) != c.inFile || s.size != int64(c.size) {
				t.Errorf("in a file: %t, %d octets", s.file != nil, s.size)
			}
			if got := whole(t, s); !bytes.Equal(got, want) {
				t.Errorf("%d octets came back as %d others", len(want), len(got))
			}
			if p, ok := s.Pieces(); ok == c.inFile || ok && !bytes.Equal(slices.Concat(p...), want) {
				t.Errorf("pieces: %t, %d of them", ok, len(p))
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("a crash would leave %v, %v", left, err)
			}
			if head, err := s.Head(50); !bytes.Equal(head, want[:min(len(want), 50)]) || err != nil {
				t.Errorf("it begins with %q, %v", head, err)
			}
			if c.inFile && budget.Left() != c.budget {
				t.Error("content in a file keeps memory")
			}
			s.Free()
			if budget.Left() != c.budget {
				t.Errorf("%d octets of budget were not given back", c.budget-budget.Left())
			}
		})
	}
}

// A long message that is slow in coming leaves the budget to others.
func TestLongContentKeepsLittleMemoryWhileItComes(t *testing.T) {
	budget := NewBudget(8 << 20)
	s := Spools{budget, t.TempDir()}.New()
	defer s.Free()
	more := readerFunc(func(p []byte) (int, error) {
		if held := 8<<20 - budget.Left(); s.file != nil && s.size > inMemory+2*toFile && held > toFile {
			t.Fatalf("at %d octets %d are held", s.size, held)
		}
		if s.size > 3*inMemory {
			return 0, io.EOF
		}
		return len(p), nil
	})
	if _, err := s.Fill(more, 0); err != nil {
		t.Fatal(err)
	}
	if s.file == nil || budget.Left() != 8<<20 {
		t.Errorf("in a file: %t; %d octets of budget are left", s.file != nil, budget.Left())
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestSpoolStopsOverTheLimit(t *testing.T) {
	for size, want := range map[int]bool{99: false, 100: false, 101: true, 100_000: true} {
		s := Spools{NewBudget(1 << 20), t.TempDir()}.New()
		over, err := s.Fill(bytes.NewReader(octets(size)), 100)
		if over != want || err != nil {
			t.Errorf("%d octets: over %t, %v", size, over, err)
		}
		s.Free()
	}
}

func TestSpoolPassesErrorsOn(t *testing.T) {
	cut := errors.New("cut")
	s := Spools{NewBudget(1 << 20), t.TempDir()}.New()
	if _, err := s.Fill(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(cut)), 0); !errors.Is(err, cut) {
		t.Errorf("reading: %v", err)
	}
	s.Free()
	s = Spools{NewBudget(0), t.TempDir() + "/missing"}.New()
	if _, err := s.Fill(strings.NewReader("x"), 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("writing: %v", err)
	}
	s.Free()
}
