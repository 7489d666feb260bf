package relay

import (
	"bytes"
	"io"
)

// mender passes CRLF on and puts a space in the place of every CR or LF that
// stands alone. Left as they are they mean a line end to some servers and not to
// others, which is how one message is made two ("SMTP smuggling"), and no
// signature would survive. A header section without an end gets one, and the last
// line its CRLF: behind DATA it could not be without, in chunks it could.
type mender struct {
	w      io.Writer
	buf    []byte
	cr     bool // a CR is held back until its successor is known
	line   int  // octets of the current header line
	inBody bool
}

func (m *mender) Write(p []byte) (int, error) {
	n := len(p)
	m.buf = m.buf[:0]
	for len(p) > 0 {
		if m.cr {
			m.cr = false
			if p[0] == '\n' {
				m.buf = append(m.buf, '\r', '\n')
				m.inBody = m.inBody || m.line == 0
				m.line = 0
				p = p[1:]
				continue
			}
			m.put([]byte{' '})
		}
		text, rest, cr := bytes.Cut(p, []byte{'\r'})
		m.put(text)
		m.cr, p = cr, rest
	}
	if _, err := m.w.Write(m.buf); err != nil {
		return 0, err
	}
	return n, nil
}

// put passes octets on that have no CR.
func (m *mender) put(p []byte) {
	m.line += len(p)
	for {
		text, rest, lf := bytes.Cut(p, []byte{'\n'})
		m.buf = append(m.buf, text...)
		if !lf {
			return
		}
		m.buf = append(m.buf, ' ')
		p = rest
	}
}

// Close ends what Write began.
func (m *mender) Close() error {
	m.buf = m.buf[:0]
	if m.cr {
		m.put([]byte{' '})
	}
	if m.line > 0 {
		m.buf = append(m.buf, "\r\n"...)
	}
	if !m.inBody {
		m.buf = append(m.buf, "\r\n"...)
	}
	_, err := m.w.Write(m.buf)
	return err
}
