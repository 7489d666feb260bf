package message

import (
	"io"
	"unicode/utf8"
)

// traits is what octets need of a server, and what encoding them would cost.
type traits struct {
	octets  int64
	escapes int64 // that quoted-printable writes as three
	eight   bool  // octets above 127
	long    bool  // a line over maxWireLine
	binary  bool  // CR or LF that is no line end, or NUL
	invalid bool  // no UTF-8

	line int64
	cr   bool
	rest []byte // of a character
}

// fits tells whether every server takes it.
func (t *traits) fits() bool { return !t.eight && !t.long }

// charset names what the octets are in, for a text that does not say it: RFC
// 1428 §3 made a name for not knowing.
func (t *traits) charset() string {
	if t.invalid {
		return "unknown-8bit"
	}
	return "utf-8"
}

// survey looks at [start,end) of r.
func survey(r io.ReaderAt, start, end int64) (*traits, error) {
	t := &traits{}
	_, err := io.Copy(t, io.NewSectionReader(r, start, end-start))
	t.binary = t.binary || t.cr
	t.invalid = t.invalid || len(t.rest) > 0
	return t, err
}

func (t *traits) Write(p []byte) (int, error) {
	t.octets += int64(len(p))
	for _, c := range p {
		t.octet(c)
	}
	t.valid(p)
	return len(p), nil
}

func (t *traits) octet(c byte) {
	if t.cr && c != '\n' || c == '\n' && !t.cr || c == 0 {
		t.binary = true
	}
	if c == '\n' {
		t.line, t.cr = 0, false
		return
	}
	if t.cr = c == '\r'; t.cr {
		return
	}
	t.line++
	t.long = t.long || t.line > maxWireLine
	t.eight = t.eight || c >= 0x80
	if c >= 0x7f || c < ' ' && c != '\t' || c == '=' {
		t.escapes++
	}
}

// valid looks for UTF-8 across the ends of what is written at a time.
func (t *traits) valid(p []byte) {
	for !t.invalid && len(p) > 0 {
		if len(t.rest) == 0 && p[0] < utf8.RuneSelf {
			p = p[1:]
			continue
		}
		if len(t.rest) > 0 || !utf8.FullRune(p) {
			t.rest = append(t.rest, p[0])
			if p = p[1:]; !utf8.FullRune(t.rest) {
				continue
			}
			r, n := utf8.DecodeRune(t.rest)
			t.invalid = r == utf8.RuneError && n == 1
			t.rest = t.rest[:0]
			continue
		}
		r, n := utf8.DecodeRune(p)
		t.invalid = r == utf8.RuneError && n == 1
		p = p[n:]
	}
}
