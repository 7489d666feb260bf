// Package inflate reads a DEFLATE stream (RFC 1951) that is one side of a
// conversation, as COMPRESS=DEFLATE makes of an IMAP connection (RFC 4978).
//
// Such a stream pauses after each flush, often for hours and on thousands of
// connections at once, and that is what this package is for:
//
//   - All that was sent comes out before more is asked for, whether the peer
//     flushes with an empty stored block, with a partial flush, which leaves the
//     stream within an octet, or by ending a block.
//   - A pause may come at any bit. A Reader that waits keeps what the peer may
//     still refer to, at most 32 KiB in a slice of that size, and the tables of
//     a block only where the pause is within one.
//
// The Reader asks nobody for input, and so it never blocks: it is fed.
package inflate

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

const (
	windowSize = 32 << 10 // how far back a match may lie (RFC 1951 §2)
	bufferSize = 2 * windowSize
	maxMatch   = 258
)

var (
	// ErrFeed says that everything fed was read and given out.
	ErrFeed = errors.New("inflate: more input is needed")
	// ErrCorrupt is for good: this is not a DEFLATE stream.
	ErrCorrupt = errors.New("inflate: the compressed data is damaged")
)

// Reader is one stream. The zero Reader stands at its beginning.
type Reader struct {
	in   []byte // fed, not looked at
	bits uint64 // taken from in, the next one lowest; above n are some of in's next
	n    uint   // how many of bits are taken

	step     step
	final    bool // this block is the last
	stored   int  // octets left of a stored block
	lit, dst *code
	dynamic  *tables // while the block has codes of its own

	buf     *[bufferSize]byte // nil while released
	r, w    int               // buf[r:w] is not given out yet, buf[:w] is the history
	history []byte            // while released
	err     error
}

type step uint8

const (
	atHeader step = iota
	inStored
	inLengths // of the codes of a dynamic block
	inCodes
)

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// Feed gives the next octets of the stream. All that was fed before must have
// been read: Buffered is false. The Reader uses b until that is so again.
func (r *Reader) Feed(b []byte) {
	r.in = b
	if r.err == ErrFeed {
		r.err = nil
	}
}

// Buffered says whether Read may have something without being fed.
func (r *Reader) Buffered() bool { return len(r.in) > 0 || r.w > r.r }

// Read gives what was compressed: ErrFeed when there is no more in what was
// fed, io.EOF behind the last block. With an empty p it says whether there is
// something, which is nil.
func (r *Reader) Read(p []byte) (int, error) {
	if r.r == r.w && r.err == nil {
		r.hold()
		if r.w >= bufferSize-windowSize/2 {
			r.w = copy(r.buf[:], r.buf[r.w-windowSize:r.w])
			r.r = r.w
		}
		r.err = r.inflate()
	}
	if r.r < r.w {
		n := copy(p, r.buf[r.r:r.w])
		r.r += n
		return n, nil
	}
	err := r.err
	if err == ErrFeed {
		r.err = nil
	}
	return 0, err
}

// Release lets go of all memory but what the stream needs to go on. There must
// be nothing to read.
func (r *Reader) Release() {
	if r.buf == nil {
		return
	}
	last := r.buf[max(0, r.w-windowSize):r.w]
	if cap(r.history) < len(last) {
		// A little room, so that not every command makes a new one.
		r.history = make([]byte, 0, min(windowSize, len(last)+len(last)/4))
	}
	r.history = append(r.history[:0], last...)
	buffers.Put(r.buf)
	r.buf, r.r, r.w = nil, 0, 0
}

// Size is how many octets the Reader keeps through a pause, beside itself and
// the tables of a block that it stands in.
func (r *Reader) Size() int { return cap(r.history) }

// Close gives all memory back. The Reader must not be used any more.
func (r *Reader) Close() {
	if r.buf != nil {
		buffers.Put(r.buf)
	}
	if r.dynamic != nil {
		dynamics.Put(r.dynamic)
	}
	*r = Reader{err: io.ErrClosedPipe}
}

func (r *Reader) hold() {
	if r.buf == nil {
		r.buf = buffers.Get().(*[bufferSize]byte)
		r.w = copy(r.buf[:], r.history)
		r.r = r.w
	}
}

// errFull says that the buffer must be given out first.
var errFull = errors.New("buffer is full")

// inflate goes on until the buffer is full, which is nil, or there is nothing
// more to go on with.
func (r *Reader) inflate() error {
	for {
		var err error
		switch r.step {
		case atHeader:
			err = r.header()
		case inStored:
			err = r.copyStored()
		case inLengths:
			err = r.lengths()
		case inCodes:
			err = r.codes()
		}
		switch err {
		case nil:
		case errFull:
			return nil
		default:
			return err
		}
	}
}

// fill takes octets into bits as far as there are some and there is room: 56
// bits at least where in has them, more than any step needs at once.
func (r *Reader) fill() {
	if len(r.in) >= 8 {
		r.bits |= binary.LittleEndian.Uint64(r.in) << r.n
		r.in = r.in[(63-r.n)>>3:]
		r.n |= 56
		return
	}
	for r.n < 56 && len(r.in) > 0 {
		r.bits |= uint64(r.in[0]) << r.n
		r.in = r.in[1:]
		r.n += 8
	}
}

// take gives the next k bits, or says that they are not there.
func (r *Reader) take(k uint) (v uint, ok bool) {
	if r.n < k {
		if r.fill(); r.n < k {
			return 0, false
		}
	}
	v = uint(r.bits & (1<<k - 1))
	r.drop(k)
	return v, true
}

func (r *Reader) drop(k uint) {
	r.bits >>= k
	r.n -= k
}

// header: RFC 1951 §3.2.3. A block's whole header is taken at once, so that a
// pause within it leaves nothing half done.
func (r *Reader) header() error {
	if r.final {
		return io.EOF
	}
	r.fill()
	if r.n < 3 {
		return ErrFeed
	}
	switch r.bits >> 1 & 3 {
	case 0:
		return r.storedHeader()
	case 1:
		r.lit, r.dst = fixed()
		r.step = inCodes
	case 2:
		if r.n < 3+14 {
			return ErrFeed
		}
		b := uint(r.bits >> 3)
		r.dynamic = dynamics.Get().(*tables)
		if !r.dynamic.begin(int(b&31)+257, int(b>>5&31)+1, int(b>>10&15)+4) {
			return ErrCorrupt
		}
		r.final = r.bits&1 == 1
		r.drop(3 + 14)
		r.step = inLengths
		return nil
	default:
		return ErrCorrupt
	}
	r.final = r.bits&1 == 1
	r.drop(3)
	return nil
}

// storedHeader: RFC 1951 §3.2.4. LEN and its complement begin at an octet.
func (r *Reader) storedHeader() error {
	skip := 3 + (r.n-3)&7
	if r.n < skip+32 {
		return ErrFeed
	}
	b := r.bits >> skip
	if uint16(b) != ^uint16(b>>16) {
		return ErrCorrupt
	}
	r.stored = int(uint16(b))
	r.final = r.bits&1 == 1
	r.drop(skip + 32)
	r.step = inStored
	return nil
}

// copyStored gives out a stored block, first what fill has taken of it.
func (r *Reader) copyStored() error {
	for r.stored > 0 && r.n > 0 {
		if r.w == bufferSize {
			return errFull
		}
		r.buf[r.w] = byte(r.bits)
		r.w++
		r.stored--
		r.drop(8)
	}
	if r.stored > 0 {
		r.bits = 0 // what is above n comes again with in
		n := copy(r.buf[r.w:], r.in[:min(len(r.in), r.stored)])
		r.in = r.in[n:]
		r.w += n
		r.stored -= n
		switch {
		case r.stored > 0 && r.w == bufferSize:
			return errFull
		case r.stored > 0:
			return ErrFeed
		}
	}
	r.step = atHeader
	return nil
}

// lengths reads the codes of a dynamic block (RFC 1951 §3.2.7).
func (r *Reader) lengths() error {
	if err := r.dynamic.read(r); err != nil {
		return err
	}
	r.lit, r.dst = &r.dynamic.lit, &r.dynamic.dst
	r.step = inCodes
	return nil
}

// endBlock is told of symbol 256.
func (r *Reader) endBlock() {
	if r.dynamic != nil {
		dynamics.Put(r.dynamic)
		r.dynamic = nil
	}
	r.lit, r.dst = nil, nil
	r.step = atHeader
}
