package imapd

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/flate"

	"posthorn/internal/inflate"
)

// mayCompress: after the login only, so that a stranger's octets are never
// inflated, and so that STARTTLS cannot follow.
func (s *session) mayCompress() bool { return s.state&loggedIn != 0 && s.conn.deflate == nil }

// compress: RFC 4978. The tagged OK is the last that goes out as it is; what
// follows the command, also in the same segment, is compressed.
func (s *session) compress(c *call) error {
	c.dec.SP()
	mechanism := c.dec.Word()
	if err := c.dec.End(); err != nil {
		return err
	}
	if mechanism != "DEFLATE" {
		return bad("The only mechanism is DEFLATE")
	}
	if s.conn.deflate != nil {
		return no("COMPRESSIONACTIVE", "Compression is active already")
	}
	c.text = "Compression is active from here on"
	c.after = func() error {
		if err := s.flush(); err != nil {
			return err
		}
		s.conn.compress()
		return nil
	}
	return nil
}

// deflate is what COMPRESS puts between a session and its connection.
//
// Nothing is kept of what goes out: each piece, of at most writeBuffer octets,
// is compressed by itself and ends with a sync flush, so that a piece is the
// unit that may be matched within. That costs a twentieth of the ratio of one
// stream at level 1, and no memory. Of what comes in, the last 32 KiB at most
// must be kept (package inflate).
type deflate struct {
	in  inflate.Reader
	got *[readBuffer]byte // what in is fed from; nil while released
}

var (
	received = sync.Pool{New: func() any { return new([readBuffer]byte) }}
	deflated = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

// compress has all that follows compressed, in both directions.
func (c *conn) compress() {
	z := &deflate{}
	if n := c.r.Buffered(); n > 0 {
		ahead, _ := c.r.Peek(n) // they are there
		z.in.Feed(z.hold()[:copy(z.hold(), ahead)])
	}
	c.deflate = z
	c.r.Reset(reader{c})
}

func (z *deflate) hold() []byte {
	if z.got == nil {
		z.got = received.Get().(*[readBuffer]byte)
	}
	return z.got[:]
}

func (z *deflate) release() {
	z.in.Release()
	if z.got != nil {
		received.Put(z.got)
		z.got = nil
	}
}

// read gives what came, inflated.
func (z *deflate) read(c *conn, p []byte) (int, error) {
	for {
		n, err := z.in.Read(p)
		if err != inflate.ErrFeed {
			return n, err
		}
		if n, err = c.receive(z.hold()); n == 0 {
			return 0, err
		}
		z.in.Feed(z.got[:n])
	}
}

// wait is conn.wait. Octets that hold nothing by themselves, as the rest of a
// flush does, are no reason to return.
func (z *deflate) wait(c *conn, d time.Duration, wakeable bool) error {
	end := time.Now().Add(d)
	for room := c.first[:]; ; room = z.hold() {
		n, err := c.read(room, time.Until(end), wakeable)
		if n == 0 {
			return err
		}
		z.in.Feed(room[:n])
		if _, err := z.in.Read(nil); err != inflate.ErrFeed {
			return nil // an error is for who reads
		}
	}
}

// write sends a piece, deflated.
func (z *deflate) write(c *conn, piece []byte) error {
	b := deflated.Get().(*bytes.Buffer)
	defer deflated.Put(b)
	b.Reset()
	if err := flate.StatelessDeflate(b, piece, false, nil); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	return c.send(b.Bytes())
}
