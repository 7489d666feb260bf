package smtpd

import (
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"posthorn/internal/serve"
	"posthorn/mail"
)

func TestEditedContent(t *testing.T) {
	for name, budget := range map[string]int64{"in memory": 1 << 20, "in a file": 0} {
		t.Run(name, func(t *testing.T) {
			s := spool{serve.Spools{Memory: serve.NewBudget(budget), Dir: t.TempDir()}.New()}
			defer s.Free()
			if _, err := s.Fill(strings.NewReader("Bcc: x\r\nSubject: y\r\n\r\nbody"), 0); err != nil {
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
			m := mail.Mail{Head: []byte("Received: here\r\n"), Content: c}
			pieces, ok := m.Pieces()
			if got := string(slices.Concat(pieces...)); ok != (budget > 0) || ok && got != "Received: here\r\n"+want {
				t.Errorf("pieces %t, %q", ok, got)
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
			s := spool{serve.Spools{Memory: serve.NewBudget(budget), Dir: t.TempDir()}.New()}
			if _, err := s.Fill(strings.NewReader(in), 0); err != nil {
				t.Fatal(err)
			}
			if _, n, err := s.header(); n != octets || err != nil {
				t.Errorf("%q: %d octets, %v", in, n, err)
			}
			s.Free()
		}
	}
}
