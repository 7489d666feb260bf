package pop3d

import (
	"bufio"
	"io"
	"net"
	"sync"
	"time"
)

// A session that waits for its client owns no buffers: wait reads one octet into
// the session itself, and only then are they taken from their pools.
var (
	readers  = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, maxLine) }}
	writers  = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, writeSize) }}
	contents = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, writeSize) }}
)

// hold makes sure that there are buffers.
func (s *session) hold() {
	if s.r != nil {
		return
	}
	s.r, s.w = readers.Get().(*bufio.Reader), writers.Get().(*bufio.Writer)
	s.r.Reset(heard{s})
	s.w.Reset(patient{s.conn})
}

// release gives them back. Nothing may be in them that is still wanted.
func (s *session) release() {
	if s.r == nil {
		return
	}
	s.r.Reset(nil)
	s.w.Reset(nil)
	readers.Put(s.r)
	writers.Put(s.w)
	s.r, s.w = nil, nil
}

// wait returns when the client has said something.
func (s *session) wait() error {
	s.release()
	n, err := s.conn.Read(s.first[:])
	s.hold()
	if s.hasFirst = n == 1; s.hasFirst {
		return nil
	}
	return err
}

// heard gives what the client says, from the octet on that wait has read.
type heard struct{ *session }

func (h heard) Read(b []byte) (int, error) {
	if h.hasFirst && len(b) > 0 {
		h.hasFirst = false
		b[0] = h.first[0]
		return 1, nil
	}
	return h.conn.Read(b)
}

// patient gives each write its own time: a slow client may take as long as it
// wants, as long as it takes something.
type patient struct{ net.Conn }

func (p patient) Write(b []byte) (int, error) {
	p.SetWriteDeadline(time.Now().Add(writeTime))
	return p.Conn.Write(b)
}

// buffered reads r in large pieces until free is called.
func buffered(r io.Reader) (b *bufio.Reader, free func()) {
	b = contents.Get().(*bufio.Reader)
	b.Reset(r)
	return b, func() {
		b.Reset(nil)
		contents.Put(b)
	}
}
