package relay

import (
	"context"
	"fmt"
	"io"

	"posthorn/mail"
	"posthorn/relay/client"
)

// ready is a message as it goes out: DKIM signatures, then the content with
// stray line ends mended.
type ready struct {
	*mail.Mail
	signatures []byte
	scan       scan
}

// prepare reads the message once, to sign it and to see what it needs of a
// server. It is read again for each transaction, never held in memory.
func (r *Relay) prepare(ctx context.Context, m *mail.Mail) (*ready, error) {
	p := &ready{Mail: m}
	signers, err := r.signers(ctx, m)
	if err != nil {
		return nil, err
	}
	defer signers.abandon()
	if err := p.copyTo(io.MultiWriter(&p.scan, signers)); err != nil {
		return nil, err
	}
	if p.signatures, err = signers.finish(); err != nil {
		return nil, err
	}
	return p, nil
}

// copyTo writes head and content, mended, to w.
func (p *ready) copyTo(w io.Writer) error {
	src, err := p.Reader()
	if err != nil {
		return fmt.Errorf("open content of %s: %w", p.QueueID, err)
	}
	defer src.Close()
	mend := mender{w: w}
	if _, err := io.Copy(&mend, src); err != nil {
		return fmt.Errorf("read content of %s: %w", p.QueueID, err)
	}
	return mend.Close()
}

// message is p for one transaction.
func (p *ready) message() *client.Message {
	return &client.Message{
		Envelope: &p.Envelope,
		Size:     int64(len(p.signatures)) + p.scan.size,
		EightBit: p.scan.eightBit,
		UTF8:     p.UTF8 && p.scan.headerEightBit,
		WriteTo:  p.writeTo,
	}
}

func (p *ready) writeTo(w io.Writer) error {
	if _, err := w.Write(p.signatures); err != nil {
		return err
	}
	return p.copyTo(w)
}

// scan is a writer that notes what a message needs.
type scan struct {
	size           int64
	eightBit       bool
	headerEightBit bool
	inBody         bool
	line           int // octets of the current header line, CR not counted
}

func (s *scan) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	for _, c := range p {
		if s.inBody && s.eightBit {
			break // nothing more to learn
		}
		if c >= 0x80 {
			s.eightBit = true
			s.headerEightBit = s.headerEightBit || !s.inBody
		}
		switch {
		case s.inBody || c == '\r':
		case c != '\n':
			s.line++
		default:
			s.inBody = s.line == 0
			s.line = 0
		}
	}
	return len(p), nil
}

// mender passes CRLF on and puts a space in the place of every CR or LF that
// stands alone. Left as they are they mean a line end to some servers and not to
// others, which is how one message is made two ("SMTP smuggling"), and no
// signature would survive. A header section without an end gets one.
type mender struct {
	w      io.Writer
	buf    []byte
	cr     bool // a CR is held back until its successor is known
	line   int  // octets of the current header line
	inBody bool
}

func (m *mender) Write(p []byte) (int, error) {
	m.buf = m.buf[:0]
	for _, c := range p {
		if m.cr {
			m.cr = false
			if c == '\n' {
				m.buf = append(m.buf, '\r', '\n')
				m.inBody = m.inBody || m.line == 0
				m.line = 0
				continue
			}
			m.put(' ')
		}
		switch c {
		case '\r':
			m.cr = true
		case '\n':
			m.put(' ')
		default:
			m.put(c)
		}
	}
	if _, err := m.w.Write(m.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (m *mender) put(c byte) {
	m.buf = append(m.buf, c)
	m.line++
}

// Close ends what Write began.
func (m *mender) Close() error {
	m.buf = m.buf[:0]
	if m.cr {
		m.put(' ')
	}
	if !m.inBody && m.line > 0 {
		m.buf = append(m.buf, "\r\n"...)
	}
	if !m.inBody {
		m.buf = append(m.buf, "\r\n"...)
	}
	_, err := m.w.Write(m.buf)
	return err
}
