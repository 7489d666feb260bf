package mail

import (
	"bytes"
	"errors"
	"io"
)

// Bytes is Content held in memory.
type Bytes []byte

// Size is the number of octets.
func (b Bytes) Size() int64 { return int64(len(b)) }

// Open never fails. The reader is also an io.ReaderAt.
func (b Bytes) Open() (io.ReadCloser, error) { return bytesReader{bytes.NewReader(b)}, nil }

// Pieces is b.
func (b Bytes) Pieces() ([][]byte, bool) { return [][]byte{b}, true }

type bytesReader struct{ *bytes.Reader }

func (bytesReader) Close() error { return nil }

// Reader gives the whole message: Head, then Content.
func (m *Mail) Reader() (io.ReadCloser, error) {
	r, err := m.Content.Open()
	if err != nil {
		return nil, err
	}
	return joined{io.MultiReader(bytes.NewReader(m.Head), r), r}, nil
}

// Pieces gives the whole message where it lies in memory, Head first: nothing is
// copied, and nobody may change it. It is valid as long as Content is. ok is
// false for content that is not in memory; Reader has it.
func (m *Mail) Pieces() (pieces [][]byte, ok bool) {
	c, ok := m.Content.(interface{ Pieces() ([][]byte, bool) })
	if ok {
		pieces, ok = c.Pieces()
	}
	if !ok {
		return nil, false
	}
	return append([][]byte{m.Head}, pieces...), true
}

// FullSize is the size in octets of what Reader gives.
func (m *Mail) FullSize() int64 { return int64(len(m.Head)) + m.Content.Size() }

// ReaderAt gives the whole message for reading at any place.
func (m *Mail) ReaderAt() (interface {
	io.ReaderAt
	io.Closer
}, error) {
	r, err := m.Content.Open()
	if err != nil {
		return nil, err
	}
	at, ok := r.(io.ReaderAt)
	if !ok {
		r.Close()
		return nil, errors.New("content cannot be read at any place")
	}
	return joinedAt{m.Head, at, r}, nil
}

// joinedAt is head, then content.
type joinedAt struct {
	head    []byte
	content io.ReaderAt
	io.Closer
}

func (j joinedAt) ReadAt(p []byte, off int64) (n int, err error) {
	if off < int64(len(j.head)) {
		if n = copy(p, j.head[off:]); n == len(p) {
			return n, nil
		}
	}
	m, err := j.content.ReadAt(p[n:], off+int64(n)-int64(len(j.head)))
	return n + m, err
}

type joined struct {
	io.Reader
	io.Closer
}
