package smtpd

import (
	"io"

	"posthorn/internal/serve"
	"posthorn/mail"
	"posthorn/message"
)

// content is what was received, with another header section where that was
// edited. It may be read many times at once.
type content struct {
	head []byte // instead of the first from octets of at
	at   spool
	from int64
}

// spool is the content as received.
type spool struct{ *serve.Spool }

// edited is the content with head instead of its first n octets.
func (s spool) edited(head []byte, n int64) mail.Content {
	return content{head, s, n}
}

// header reads the header section.
func (s spool) header() (h message.Header, octets int64, err error) {
	b, err := s.Head(maxHeader)
	if err != nil {
		return h, 0, err
	}
	h = message.ParseHeader(b)
	for _, f := range h.Fields() {
		octets += int64(len(f.Raw))
	}
	// Nobody would look at the fields behind: neither the checks nor the
	// comparison of From with the login.
	if s.Size() > int64(len(b)) && octets+2 > int64(len(b)) {
		return h, 0, mail.HeaderTooBig.With(maxHeader)
	}
	return h, octets, nil
}

// Size is the number of octets.
func (c content) Size() int64 { return int64(len(c.head)) + c.at.Size() - c.from }

// Pieces gives head and rest where they are in memory.
func (c content) Pieces() ([][]byte, bool) {
	all, ok := c.at.Pieces()
	if !ok {
		return nil, false
	}
	return [][]byte{c.head, all[0][c.from:]}, true
}

// Open never fails. The reader is also an io.ReaderAt.
func (c content) Open() (io.ReadCloser, error) {
	return contentReader{io.NewSectionReader(readerAt{c}, 0, c.Size())}, nil
}

type contentReader struct{ *io.SectionReader }

func (contentReader) Close() error { return nil }

type readerAt struct{ content }

// ReadAt reads across the seam of head and body.
func (r readerAt) ReadAt(p []byte, off int64) (n int, err error) {
	if off < int64(len(r.head)) {
		n = copy(p, r.head[off:])
	}
	if n == len(p) {
		return n, nil
	}
	m, err := r.at.ReadAt(p[n:], off+int64(n)-int64(len(r.head))+r.from)
	return n + m, err
}
