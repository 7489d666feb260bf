package serve

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
)

// Budget is memory that all content being received in the process shares.
// Content that finds none left goes to a file.
type Budget struct{ left atomic.Int64 }

// NewBudget makes a budget of that many octets.
func NewBudget(octets int64) *Budget {
	b := new(Budget)
	b.left.Store(octets)
	return b
}

// Left is how many octets nobody holds.
func (b *Budget) Left() int64 { return b.left.Load() }

func (b *Budget) take(n int) bool {
	if b.left.Add(-int64(n)) >= 0 {
		return true
	}
	b.left.Add(int64(n))
	return false
}

func (b *Budget) give(n int) { b.left.Add(int64(n)) }

// Spools says where content waits while it is being received.
type Spools struct {
	Memory *Budget
	Dir    string // for what does not fit: on the disk of the data folder
}

// In memory is content up to inMemory octets; room for it doubles from
// firstRoom, as it comes and not as it is announced. What goes to a file needs
// toFile of room on its way.
const (
	inMemory  = 4 << 20
	firstRoom = 16 << 10
	toFile    = 64 << 10
)

// Spool holds the content of one message: in memory, then in a file that has
// no name, so that a crash leaves nothing behind. It belongs to one goroutine
// until Fill has returned; then many may read it, until Free.
type Spool struct {
	Spools
	mem   []byte // all of the content, or what is on its way to file
	taken int    // from the budget
	file  *os.File
	size  int64
}

// New makes an empty one. Free must be called.
func (p Spools) New() *Spool { return &Spool{Spools: p} }

var rooms = sync.Pool{New: func() any { b := make([]byte, 0, firstRoom); return &b }}

// Fill reads content to its end. It stops early, with over set, once there is
// more than limit (0: none).
func (s *Spool) Fill(r io.Reader, limit int64) (over bool, err error) {
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
func (s *Spool) room() error {
	if s.file != nil {
		return s.writeOut()
	}
	want := max(2*cap(s.mem), firstRoom)
	if want <= inMemory && s.Memory.take(want-s.taken) {
		s.taken = want
		if s.mem == nil {
			s.mem = *rooms.Get().(*[]byte)
			return nil
		}
		s.mem = append(make([]byte, 0, want), s.mem...)
		return nil
	}
	f, err := os.CreateTemp(s.Dir, "incoming-*")
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
	if err := s.writeOut(); err != nil {
		return err
	}
	s.narrow()
	return nil
}

// narrow keeps of mem what writing to a file needs: the rest of a long message
// is long in coming, and others could do with the memory.
func (s *Spool) narrow() {
	if s.taken <= toFile {
		return
	}
	s.Memory.give(s.taken - toFile)
	s.mem, s.taken = make([]byte, 0, toFile), toFile
}

func (s *Spool) writeOut() error {
	if _, err := s.file.Write(s.mem); err != nil {
		return fmt.Errorf("write spool file: %w", err)
	}
	s.mem = s.mem[:0]
	return nil
}

// settle ends writing. Of what went to a file nothing stays in memory.
func (s *Spool) settle() error {
	if s.file == nil {
		return nil
	}
	if err := s.writeOut(); err != nil {
		return err
	}
	s.letGo()
	return nil
}

// letGo gives memory back.
func (s *Spool) letGo() {
	if cap(s.mem) == firstRoom && s.taken > 0 {
		room := s.mem[:0]
		rooms.Put(&room)
	}
	s.Memory.give(s.taken)
	s.mem, s.taken = nil, 0
}

// Size is the number of octets.
func (s *Spool) Size() int64 { return s.size }

// ReadAt reads content that Fill has taken.
func (s *Spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(p, off)
	}
	return bytes.NewReader(s.mem).ReadAt(p, off)
}

// Open never fails. The reader is also an io.ReaderAt.
func (s *Spool) Open() (io.ReadCloser, error) {
	return spoolReader{io.NewSectionReader(s, 0, s.size)}, nil
}

// Pieces gives the content where it is in memory, until Free.
func (s *Spool) Pieces() ([][]byte, bool) { return [][]byte{s.mem}, s.file == nil }

type spoolReader struct{ *io.SectionReader }

func (spoolReader) Close() error { return nil }

// Head gives at most the first n octets. They are valid until Free.
func (s *Spool) Head(n int) ([]byte, error) {
	if s.file == nil {
		return s.mem[:min(len(s.mem), n)], nil
	}
	b := make([]byte, min(s.size, int64(n)))
	if _, err := s.file.ReadAt(b, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("read spool file: %w", err)
	}
	return b, nil
}

// Free forgets the content.
func (s *Spool) Free() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
	s.letGo()
}
