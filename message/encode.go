package message

import (
	"io"
	"strings"
)

// encodingFor chooses what a leaf goes out in: "" when it fits as it is.
func encodingFor(p *Part, t *traits) (string, error) {
	encoding := strings.ToLower(p.Encoding)
	switch encoding {
	case "binary":
		if t.octets > 0 {
			return "base64", nil
		}
		return "", nil
	case "", "7bit", "8bit":
	case "base64", "quoted-printable":
		if t.fits() {
			return "", nil
		}
		return encoding, nil
	default:
		if t.fits() {
			return "", nil
		}
		return "", ErrOpaque
	}
	switch {
	case t.fits():
		return "", nil
	case (p.Type == "text" || p.Type == "message") && !t.binary && 2*t.escapes <= t.octets/3:
		return "quoted-printable", nil
	}
	return "base64", nil
}

// encoder reads r in one of the two encodings of RFC 2045 §6.7 and §6.8.
func encoder(encoding string, r io.Reader) io.Reader {
	if encoding == "base64" {
		return &base64Lines{r: r}
	}
	return &qpReader{r: r}
}

// qpReader reads r in quoted-printable. CRLF is a line end, every other octet
// content.
type qpReader struct {
	r    io.Reader
	in   [4 << 10]byte
	held []byte // octets that depend on what follows: a space or tab, a CR
	line int    // octets of the current line
	out  []byte
	pos  int
	err  error
}

func (q *qpReader) Read(p []byte) (int, error) {
	for q.pos == len(q.out) {
		if q.err != nil {
			return 0, q.err
		}
		var n int
		n, q.err = q.r.Read(q.in[:])
		q.out, q.pos = q.out[:0], 0
		for _, c := range q.in[:n] {
			q.octet(c)
		}
		if q.err == io.EOF {
			q.release(true)
		}
	}
	n := copy(p, q.out[q.pos:])
	q.pos += n
	return n, nil
}

func (q *qpReader) octet(c byte) {
	last := byte(0)
	if len(q.held) > 0 {
		last = q.held[len(q.held)-1]
	}
	switch {
	case c == '\n' && last == '\r':
		q.held = q.held[:len(q.held)-1]
		q.release(true)
		q.out = append(q.out, '\r', '\n')
		q.line = 0
		return
	case c == '\r' && last != '\r':
		q.held = append(q.held, c) // behind a space, perhaps
		return
	}
	q.release(false)
	if c == ' ' || c == '\t' || c == '\r' {
		q.held = append(q.held, c)
		return
	}
	// A hyphen never starts a line: broken anew, a text could hold a delimiter.
	q.put(c, c > ' ' && c < 0x7f && c != '=' && (c != '-' || q.line > 0 && q.line < qpLine))
}

// release writes what was held back; white space at the end of a line is encoded.
func (q *qpReader) release(atEnd bool) {
	for i, c := range q.held {
		end := atEnd && i == len(q.held)-1 || i+1 < len(q.held) && q.held[i+1] == '\r'
		q.put(c, c != '\r' && !end)
	}
	q.held = q.held[:0]
}

// qpLine leaves room for the equals sign of a soft line break (76 in all).
const qpLine = 75

func (q *qpReader) put(c byte, plain bool) {
	width := 3
	if plain {
		width = 1
	}
	if q.line+width > qpLine {
		q.out = append(q.out, "=\r\n"...)
		q.line = 0
	}
	q.line += width
	if plain {
		q.out = append(q.out, c)
		return
	}
	const hex = "0123456789ABCDEF"
	q.out = append(q.out, '=', hex[c>>4], hex[c&15])
}
