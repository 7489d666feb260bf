package relay

import (
	"bytes"
	"encoding/binary"
)

// maxLine is a line's length that every server takes, its CR included (RFC 5321
// §4.5.3.1.6).
const maxLine = 999

// scan is a writer that notes what a message needs. Its lines end with CRLF.
type scan struct {
	size           int64
	eightBit       bool
	headerEightBit bool
	long           bool
	inBody         bool
	line           int // octets of the current line, CR included
}

func (s *scan) Write(p []byte) (int, error) {
	s.size += int64(len(p))
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte{'\n'})
		rest = after
		if !s.eightBit || !s.inBody && !s.headerEightBit {
			eight := !isASCII(line)
			s.eightBit = s.eightBit || eight
			s.headerEightBit = s.headerEightBit || eight && !s.inBody
		}
		s.line += len(line)
		s.long = s.long || s.line > maxLine
		if ended {
			s.inBody = s.inBody || s.line == 1
			s.line = 0
		}
	}
	return len(p), nil
}

// isASCII looks at eight octets at a time.
func isASCII(p []byte) bool {
	for ; len(p) >= 8; p = p[8:] {
		if binary.NativeEndian.Uint64(p)&0x8080808080808080 != 0 {
			return false
		}
	}
	for _, c := range p {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
