package mail

import (
	"bytes"
	"io"
)

// Bytes is Content held in memory.
type Bytes []byte

// Size is the number of octets.
func (b Bytes) Size() int64 { return int64(len(b)) }

// Open never fails. The reader is also an io.ReaderAt.
func (b Bytes) Open() (io.ReadCloser, error) { return bytesReader{bytes.NewReader(b)}, nil }

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

// FullSize is the size in octets of what Reader gives.
func (m *Mail) FullSize() int64 { return int64(len(m.Head)) + m.Content.Size() }

type joined struct {
	io.Reader
	io.Closer
}
