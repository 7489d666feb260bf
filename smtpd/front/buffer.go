package front

import (
	"io"
	"sync"
)

// buffer holds what the client has sent and nobody has read. Commands are short
// and most sessions wait for one, so that it has little room of its own; what
// needs more, content above all, takes a large room for as long as it lasts.
type buffer struct {
	from       io.Reader
	room       []byte // small, or a large one; nil before the first read
	start, end int    // of what is unread
	small      [smallRoom]byte
	large      *[largeRoom]byte // nil, or what room is
}

const (
	smallRoom = 2 << 10  // a batch of some fifty commands, which is answered in one write
	largeRoom = 16 << 10 // holds the longest line there is
)

var largeRooms = sync.Pool{New: func() any { return new([largeRoom]byte) }}

// reset forgets what is unread and reads on from r.
func (b *buffer) reset(r io.Reader) {
	b.release()
	b.from = r
}

// unread is valid until the next fill.
func (b *buffer) unread() []byte { return b.room[b.start:b.end] }

func (b *buffer) buffered() int { return b.end - b.start }

// discard passes over n octets that are unread.
func (b *buffer) discard(n int) { b.start += n }

// fill reads once, for at least one octet more.
func (b *buffer) fill() error {
	if b.full() {
		b.grow()
	}
	if b.start > 0 {
		b.end = copy(b.room, b.unread())
		b.start = 0
	}
	for range maxEmptyReads {
		n, err := b.from.Read(b.room[b.end:])
		b.end += n
		if n > 0 || err != nil {
			return ignoreWith(n, err)
		}
	}
	return io.ErrNoProgress
}

const maxEmptyReads = 100

// ignoreWith leaves an error that came with octets to the next read, which gets it again.
func ignoreWith(n int, err error) error {
	if n > 0 {
		return nil
	}
	return err
}

// full tells whether there is no room behind what was read last: then more waits
// to be read, as a rule.
func (b *buffer) full() bool { return b.end == len(b.room) }

// rest gives the large room back when nothing is unread and nothing more seems
// to be on its way.
func (b *buffer) rest() {
	if b.start == b.end && !b.full() {
		b.release()
	}
}

// grow makes room: the small one at first, then the large one. Nobody buffers
// more: a line that would need it is passed over (maxCommand, maxAuthLine).
func (b *buffer) grow() {
	if b.room == nil {
		b.room = b.small[:]
		return
	}
	b.widen()
}

// widen takes the large room.
func (b *buffer) widen() {
	if b.large != nil {
		return
	}
	b.large = largeRooms.Get().(*[largeRoom]byte)
	b.end = copy(b.large[:], b.unread())
	b.room, b.start = b.large[:], 0
}

// release gives the large room back, with what is unread.
func (b *buffer) release() {
	if b.large != nil {
		largeRooms.Put(b.large)
	}
	b.large, b.room, b.start, b.end = nil, nil, 0, 0
}
