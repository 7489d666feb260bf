package smtpd

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"posthorn/mail"
)

func octets(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + i%26 + i/1000%5)
	}
	return b
}

func whole(t *testing.T, c mail.Content) []byte {
	t.Helper()
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil || int64(len(b)) != c.Size() {
		t.Fatalf("%d octets of %d: %v", len(b), c.Size(), err)
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
			s := spool{budget: budget, dir: dir}
			want := octets(c.size)
			over, err := s.fill(iotest.DataErrReader(bytes.NewReader(want)), 0)
			if over || err != nil {
				t.Fatal(over, err)
			}
			if (s.file != nil) != c.inFile || s.size != int64(c.size) {
				t.Errorf("in a file: %t, %d octets", s.file != nil, s.size)
			}
			if got := whole(t, s.plain()); !bytes.Equal(got, want) {
				t.Errorf("%d octets came back as %d others", len(want), len(got))
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("a crash would leave %v, %v", left, err)
			}
			s.free()
			if budget.left.Load() != c.budget {
				t.Errorf("%d octets of budget were not given back", c.budget-budget.left.Load())
			}
		})
	}
}

func TestSpoolStopsOverTheLimit(t *testing.T) {
	for size, want := range map[int]bool{99: false, 100: false, 101: true, 100_000: true} {
		s := spool{budget: NewBudget(1 << 20), dir: t.TempDir()}
		over, err := s.fill(bytes.NewReader(octets(size)), 100)
		if over != want || err != nil {
			t.Errorf("%d octets: over %t, %v", size, over, err)
		}
		s.free()
	}
}

func TestSpoolPassesErrorsOn(t *testing.T) {
	cut := errors.New("cut")
	s := spool{budget: NewBudget(1 << 20), dir: t.TempDir()}
	if _, err := s.fill(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(cut)), 0); !errors.Is(err, cut) {
		t.Errorf("reading: %v", err)
	}
	s.free()
	s = spool{budget: NewBudget(0), dir: t.TempDir() + "/missing"}
	if _, err := s.fill(strings.NewReader("x"), 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("writing: %v", err)
	}
	s.free()
}

func TestEditedContent(t *testing.T) {
	for name, budget := range map[string]int64{"in memory": 1 << 20, "in a file": 0} {
		t.Run(name, func(t *testing.T) {
			s := spool{budget: NewBudget(budget), dir: t.TempDir()}
			defer s.free()
			if _, err := s.fill(strings.NewReader("Bcc: x\r\nSubject: y\r\n\r\nbody"), 0); err != nil {
				t.Fatal(err)
			}
			c := s.edited([]byte("Date: z\r\n"), 8)
			want := "Date: z\r\nSubject: y\r\n\r\nbody"
			for range 2 {
				r, err := c.Open()
				if err != nil {
					t.Fatal(err)
				}
				if err := iotest.TestReader(r, []byte(want)); err != nil {
					t.Error(err)
				}
			}
			if c.Size() != int64(len(want)) {
				t.Errorf("size %d", c.Size())
			}
		})
	}
}

func TestHeaderOfSpool(t *testing.T) {
	for in, octets := range map[string]int64{
		"A: 1\r\nB: 2\r\n\r\nC: 3\r\n": 12,
		"A: 1\r\n folded\r\n":          15,
		"\r\nbody":                     0,
		"":                             0,
	} {
		for _, budget := range []int64{0, 1 << 20} {
			s := spool{budget: NewBudget(budget), dir: t.TempDir()}
			if _, err := s.fill(strings.NewReader(in), 0); err != nil {
				t.Fatal(err)
			}
			if _, n, err := s.header(); n != octets || err != nil {
				t.Errorf("%q: %d octets, %v", in, n, err)
			}
			s.free()
		}
	}
}
