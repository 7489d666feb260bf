package message

import (
	"io"
	"strings"
)

// Decoder takes a Content-Transfer-Encoding off (RFC 2045 §6). It is false for
// an encoding nobody knows. Damaged text is decoded as far as it goes: the only
// errors are r's own.
func Decoder(encoding string, r io.Reader) (io.Reader, bool) {
	switch strings.ToLower(encoding) {
	case "base64":
		return &decodingReader{r: r, d: new(base64Decoder)}, true
	case "quoted-printable":
		return &decodingReader{r: r, d: new(qpDecoder)}, true
	case "", "7bit", "8bit", "binary":
		return r, true
	}
	return r, false
}

// decoder appends what src decodes to, keeping what is unfinished.
type decoder interface{ decode(dst, src []byte) []byte }

type decodingReader struct {
	r   io.Reader
	d   decoder
	in  [4 << 10]byte
	out []byte
	pos int
	err error
}

func (r *decodingReader) Read(b []byte) (int, error) {
	for r.pos == len(r.out) {
		if r.err != nil {
			return 0, r.err
		}
		var n int
		n, r.err = r.r.Read(r.in[:])
		r.out, r.pos = r.d.decode(r.out[:0], r.in[:n]), 0
		if r.err == io.EOF {
			r.out = r.d.decode(r.out, nil)
		}
	}
	n := copy(b, r.out[r.pos:])
	r.pos += n
	return n, nil
}

// base64Decoder passes over all that is not of the alphabet. Padding ends a
// group, so that encodings put one after another are read too.
type base64Decoder struct {
	bits uint32
	n    uint // sextets in bits
}

func (d *base64Decoder) decode(dst, src []byte) []byte {
	for _, c := range src {
		v := base64Value(c)
		if v < 0 {
			if c == '=' {
				dst = d.rest(dst)
			}
			continue
		}
		d.bits = d.bits<<6 | uint32(v)
		if d.n++; d.n == 4 {
			dst = append(dst, byte(d.bits>>16), byte(d.bits>>8), byte(d.bits))
			d.bits, d.n = 0, 0
		}
	}
	if len(src) == 0 {
		dst = d.rest(dst)
	}
	return dst
}

// rest appends the octets of an unfinished group.
func (d *base64Decoder) rest(dst []byte) []byte {
	switch d.n {
	case 2:
		dst = append(dst, byte(d.bits>>4))
	case 3:
		dst = append(dst, byte(d.bits>>10), byte(d.bits>>2))
	}
	d.bits, d.n = 0, 0
	return dst
}

func base64Value(c byte) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 26
	case c >= '0' && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}

// qpDecoder is quoted-printable (RFC 2045 §6.7): white space at the end of a
// line goes, a line that ends with an equals sign goes on, and an equals sign
// that starts nothing stands for itself.
type qpDecoder struct {
	eq    []byte // an equals sign and what belongs to it so far, or empty
	space []byte // white space and CR that may end the line
}

// maxSpace is how much white space is held back in wait for a line end.
const maxSpace = 1 << 10

func (d *qpDecoder) decode(dst, src []byte) []byte {
	for _, c := range src {
		if len(d.eq) > 0 {
			var done bool
			if dst, done = d.escape(dst, c); done {
				continue
			}
		}
		switch {
		case c == '=':
			dst = d.flush(dst)
			d.eq = append(d.eq, c)
		case c == ' ' || c == '\t' || c == '\r':
			if d.space = append(d.space, c); len(d.space) > maxSpace {
				dst = d.flush(dst)
			}
		case c == '\n':
			if n := len(d.space); n > 0 && d.space[n-1] == '\r' {
				dst = append(dst, '\r')
			}
			dst = append(dst, '\n')
			d.space = d.space[:0]
		default:
			dst = append(d.flush(dst), c)
		}
	}
	if len(src) == 0 && len(d.eq) > 1 {
		dst = append(dst, d.eq...)
		d.eq = d.eq[:0]
	}
	return dst
}

func (d *qpDecoder) flush(dst []byte) []byte {
	dst = append(dst, d.space...)
	d.space = d.space[:0]
	return dst
}

// escape takes in c after an equals sign. It is not done when c has to be
// looked at again.
func (d *qpDecoder) escape(dst []byte, c byte) ([]byte, bool) {
	switch {
	case len(d.eq) == 2 && hexDigit(c) >= 0:
		dst = append(dst, byte(hexDigit(d.eq[1])<<4|hexDigit(c)))
		d.eq = d.eq[:0]
		return dst, true
	case len(d.eq) == 1 && len(d.space) == 0 && hexDigit(c) >= 0:
		d.eq = append(d.eq, c)
		return dst, true
	case len(d.eq) == 1 && c == '\n':
		d.eq, d.space = d.eq[:0], d.space[:0]
		return dst, true
	case len(d.eq) == 1 && (c == ' ' || c == '\t' || c == '\r') && len(d.space) < maxSpace:
		d.space = append(d.space, c)
		return dst, true
	}
	dst = append(dst, d.eq...)
	d.eq = d.eq[:0]
	return d.flush(dst), false
}
