package imapd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"posthorn/mail"
)

var errNUL = no("CANNOT", "A message must not hold a NUL octet")

// spool takes a message of size octets from r, in memory or in a file, with
// its line ends made CRLF. drop is to be called when the content is done with.
// After an error of the content r has been read to its end all the same.
func (s *session) spool(r io.Reader, size int64) (content mail.Content, drop func(), err error) {
	if size <= memoryLiteral && s.srv.memory.Add(size) <= memoryBudget {
		var b bytes.Buffer
		drop = func() { s.srv.memory.Add(-size) }
		err = normalise(&b, r)
		return mail.Bytes(b.Bytes()), drop, err
	}
	if size <= memoryLiteral {
		s.srv.memory.Add(-size)
	}
	f, err := os.CreateTemp("", "posthorn-append-*")
	if err != nil {
		_, e := io.Copy(io.Discard, r)
		return nil, func() {}, errors.Join(fmt.Errorf("spool a message: %w", err), e)
	}
	drop = func() { os.Remove(f.Name()) }
	err = normalise(f, r)
	n, _ := f.Seek(0, io.SeekCurrent)
	if e := f.Close(); err == nil && e != nil {
		err = fmt.Errorf("spool a message: %w", e)
	}
	return mail.File{Name: f.Name(), Length: n}, drop, err
}

// normalise copies r to w with every line end made CRLF: a bare LF and a bare
// CR are line ends too. It reads r to its end, even after w failed.
func normalise(w io.Writer, r io.Reader) error {
	in := make([]byte, writeBuffer)
	out := make([]byte, 0, 2*writeBuffer+1)
	cr := false // the last octet was CR, its LF not written yet
	var failed error
	for {
		n, err := r.Read(in)
		out = out[:0]
		for _, c := range in[:n] {
			switch {
			case c == '\n' && !cr:
				out = append(out, '\r')
			case c != '\n' && cr:
				out = append(out, '\n')
			case c == 0 && failed == nil:
				failed = errNUL
			}
			out = append(out, c)
			cr = c == '\r'
		}
		if err == io.EOF && cr {
			out = append(out, '\n')
		}
		if failed == nil {
			if _, e := w.Write(out); e != nil {
				failed = fmt.Errorf("spool a message: %w", e)
			}
		}
		if err == io.EOF {
			return failed
		}
		if err != nil {
			return err
		}
	}
}
