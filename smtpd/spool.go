package smtpd

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// Budget is memory that all content being received shares. Content that finds
// none left goes to a file.
type Budget struct{ left atomic.Int64 }

// NewBudget makes a budget of that many octets.
func NewBudget(octets int64) *Budget {
	b := new(Budget)
	b.left.Store(octets)
	return b
}

func (b *Budget) take(n int) bool {
	if b.left.Add(-int64(n)) >= 0 {
		return true
	}
	b.left.Add(int64(n))
	return false
}

func (b *Budget) give(n int) { b.left.Add(int64(n)) }

// spool holds the content of one message while it is being received and
// judged: in memory up to inMemory octets, then in a file that has no name, so
// that a crash leaves nothing behind.
type spool struct {
	budget *Budget
	dir    string
	mem    []byte // all of the content, or what is on its way to file
	taken  int    // from the budget
	file   *os.File
	size   int64
}

var rooms = sync.Pool{New: func() any { b := make([]byte, 0, firstRoom); return &b }}

// fill reads content to its end. It stops early, with over set, once there is
// more than limit (0: none).
func (s *spool) fill(r io.Reader, limit int64) (over bool, err error) {
	for {
		if len(s.mem) == cap(s.mem) {
			if err := s.room(); err != nil {
				return false, err
			}
		}
		n, err := r.Read(s.mem[len(s.mem):cap(s.mem)])
		s.mem = s.mem[:len(s.mem)+n]
		s.size += int64(n)
		switch {
		case limit > 0 && s.size > limit:
			return true, nil
		case err == io.EOF:
			return false, s.settle()
		case err != nil:
			return false, fmt.Errorf("receive content: %w", err)
		}
	}
}

// room makes room in mem: by growing, or by writing it out.
func (s *spool) room() error {
	if s.file != nil {
		return s.writeOut()
	}
	want := max(2*cap(s.mem), firstRoom)
	if want <= inMemory && s.budget.take(want-s.taken) {
		s.taken = want
		if s.mem == nil {
			s.mem = *rooms.Get().(*[]byte)
			return nil
		}
		s.mem = append(make([]byte, 0, want), s.mem...)
		return nil
	}
	f, err := os.CreateTemp(s.dir, "incoming-*")
	if err != nil {
		return fmt.Errorf("make spool file: %w", err)
	}
	s.file = f
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("unlink spool file: %w", err)
	}
	if s.mem == nil {
		s.mem = make([]byte, 0, firstRoom) // without budget: no less will do
	}
	return s.writeOut()
}

func (s *spool) writeOut() error {
	if _, err := s.file.Write(s.mem); err != nil {
		return fmt.Errorf("write spool file: %w", err)
	}
	s.mem = s.mem[:0]
	return nil
}

// settle ends writing.
func (s *spool) settle() error {
	if s.file == nil {
		return nil
	}
	return s.writeOut()
}

// free forgets the content.
func (s *spool) free() {
	if s.file != nil {
		s.file.Close()
	}
	if cap(s.mem) == firstRoom && s.taken > 0 {
		room := s.mem[:0]
		rooms.Put(&room)
	}
	s.budget.give(s.taken)
	*s = spool{}
}
