package front

import "bytes"

// scanner takes content off the wire: it finds the end of DATA, takes away the
// dots that RFC 5321 §4.5.2 had the client add, and sees to it that what comes
// out has CRLF line ends. Only CRLF ends a line: no dot is taken away after,
// and no end of data is seen behind, any other line end (§4.1.1.4: "receivers
// MUST NOT" take anything else for one). The zero scanner begins at the start
// of a line.
type scanner struct {
	dots   bool   // content is dot-stuffed and ended by a dot: DATA, not BDAT
	repair bool   // bare CR and LF become CRLF
	fault  string // the first fault, "" for none
	state  scanState
}

type scanState uint8

const (
	lineStart scanState = iota
	inLine
	afterCR  // a CR that has not been given out yet
	afterDot // a dot at the start of a line, taken away
	dotCR    // that dot, then a CR
	atEnd    // the end of DATA has been seen
)

const (
	bareCR   = "a bare CR"
	bareLF   = "a bare LF"
	aNUL     = "a NUL octet"
	falseEnd = "a false end of data"
)

// scan decodes src into dst until one is used up or the end of DATA is seen
// (state atEnd). It says how many octets it wrote and read. A dst of two
// octets or more is always enough to go on.
func (s *scanner) scan(dst, src []byte) (wrote, read int) {
	for read < len(src) && wrote+2 <= len(dst) && s.state != atEnd {
		if s.state == inLine {
			n := textLength(src[read:min(len(src), read+len(dst)-wrote)])
			if n > 0 {
				copy(dst[wrote:], src[read:read+n])
				wrote, read = wrote+n, read+n
				continue
			}
		}
		out, used := s.step(src[read])
		wrote += copy(dst[wrote:], out)
		if used {
			read++
		}
	}
	return wrote, read
}

// textLength is how many octets of b are text within a line: neither CR nor LF
// nor NUL.
func textLength(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i]
	}
	if i := bytes.IndexByte(b, '\r'); i >= 0 {
		b = b[:i]
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return len(b)
}

const crlf = "\r\n"

// octets gives every octet as a string without allocating.
var octets = func() (t [256]string) {
	for i := range t {
		t[i] = string([]byte{byte(i)})
	}
	return t
}()

// step takes one octet and says what comes out. An octet that is not used up
// is to be offered again.
func (s *scanner) step(c byte) (out string, used bool) {
	switch s.state {
	case afterDot:
		switch c {
		case '\r':
			s.state = dotCR
			return "", true
		case '\n':
			s.blame(falseEnd)
		}
		s.state = inLine
		return "", false
	case dotCR:
		if c == '\n' {
			s.state = atEnd
			return "", true
		}
		s.blame(falseEnd)
		return s.bare(), false
	case afterCR:
		if c == '\n' {
			s.state = lineStart
			return crlf, true
		}
		s.blame(bareCR)
		return s.bare(), false
	}
	switch {
	case c == '\r':
		s.state = afterCR
		return "", true
	case c == '\n':
		s.blame(bareLF)
		return s.bare(), true
	case c == '.' && s.state == lineStart && s.dots:
		s.state = afterDot
		return "", true
	case c == 0:
		s.fault = aNUL // cannot be repaired
	}
	s.state = inLine
	return octets[c], true
}

// bare answers a line end that is not CRLF. It is not the start of a line as
// far as dots go.
func (s *scanner) bare() string {
	s.state = inLine
	return crlf
}

// blame records a fault that repairing mends.
func (s *scanner) blame(fault string) {
	if s.fault == "" && !s.repair {
		s.fault = fault
	}
}

// finish ends a chunked message: its last line gets its CRLF.
func (s *scanner) finish() (out string) {
	switch s.state {
	case lineStart:
		return ""
	case afterCR:
		s.blame(bareCR)
	}
	s.state = lineStart
	return crlf
}
