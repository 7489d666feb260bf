package smtpd

import (
	"bytes"
	"io"

	"posthorn/mail"
	"posthorn/message"
)

// content is what was received, with another header section where that was
// edited. It may be read many times at once.
type content struct {
	head []byte // instead of the first from octets of at
	at   io.ReaderAt
	from int64
	size int64 // of all of at
}

func (s *spool) reader() io.ReaderAt {
	if s.file != nil {
		return s.file
	}
	return bytes.NewReader(s.mem)
}

// plain is the content as received.
func (s *spool) plain() mail.Content {
	if s.file == nil {
		return mail.Bytes(s.mem)
	}
	return content{at: s.file, size: s.size}
}

// edited is the content with head instead of its first n octets.
func (s *spool) edited(head []byte, n int64) mail.Content {
	return content{head, s.reader(), n, s.size}
}

// header reads the header section. It gives the octets it took too: what a
// header larger than maxHeader goes on with counts as body.
func (s *spool) header() (h message.Header, octets int64, err error) {
	b := s.mem
	if s.file != nil {
		b = make([]byte, min(s.size, maxHeader))
		if _, err := s.file.ReadAt(b, 0); err != nil && err != io.EOF {
			return h, 0, err
		}
	}
	h = message.ParseHeader(b[:min(len(b), maxHeader)])
	for _, f := range h.Fields() {
		octets += int64(len(f.Raw))
	}
	return h, octets, nil
}

// Size is the number of octets.
func (c content) Size() int64 { return int64(len(c.head)) + c.size - c.from }

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
