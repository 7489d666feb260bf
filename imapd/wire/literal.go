package wire

import (
	"io"
	"strings"
)

// literalHeader takes `{n}` or `{n+}` with the line's end behind it.
func (d *Decoder) literalHeader() (size int64, sync bool) {
	d.Need('{')
	start := d.pos
	for c := d.peek(); c >= '0' && c <= '9'; c = d.peek() {
		d.pos++
	}
	if d.pos == start {
		d.Fail("expected the size of a literal")
		return 0, false
	}
	size, sync = parseSize(string(d.line[start:d.pos])), true
	if d.Take('+') || d.Take('-') {
		sync = false
	}
	d.Need('}')
	if d.err == nil && d.pos != len(d.line) {
		d.Fail("expected the end of the line after a literal's size")
	}
	return size, sync
}

// literal takes a literal argument into memory. It holds no NUL.
func (d *Decoder) literal() string {
	s := d.anyLiteral()
	if strings.IndexByte(s, 0) >= 0 {
		d.Fail("a literal holds a NUL")
	}
	return s
}

// anyLiteral takes one that may hold anything, as literal8 does.
func (d *Decoder) anyLiteral() string {
	size, sync := d.literalHeader()
	if d.err != nil {
		return ""
	}
	if size > d.Limits.Literal-d.literals {
		d.err = ErrTooBig
		return ""
	}
	d.literals += size
	if sync && !d.ask() {
		return ""
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(d.r, b); err != nil {
		d.fatal(unexpected(err))
		return ""
	}
	d.nextLine()
	return string(b)
}

func (d *Decoder) ask() bool {
	if err := d.proceed(); err != nil {
		d.fatal(err)
		return false
	}
	return true
}

// stream is a literal that the command reads as it comes.
type stream struct {
	d     *Decoder
	left  int64
	sync  bool
	asked bool
}

// Stream takes the header of a literal or literal8 whose octets are to be
// read from Octets. Nothing is asked of the client yet, so a command can still
// refuse it by its size. eight: it is a literal8, which may hold any octet.
func (d *Decoder) Stream() (size int64, eight bool) {
	eight = d.Take('~')
	size, sync := d.literalHeader()
	if d.err != nil {
		return 0, false
	}
	d.stream = &stream{d: d, left: size, sync: sync}
	return size, eight
}

// Octets is the literal of the last Stream, asked for if it has to be. It ends
// with io.EOF when the literal does; a connection that ends before is an
// error. Continue with Resume when it has been read.
func (d *Decoder) Octets() io.Reader {
	s := d.stream
	s.asked = true
	if s.sync {
		d.ask()
	}
	return s
}

// Resume goes on with the line behind a streamed literal. The limit of the
// command's lines counts from there anew: one command may bring many messages,
// and how many is for the command to bound.
func (d *Decoder) Resume() {
	d.stream = nil
	d.used = 0
	d.nextLine()
}

func (s *stream) Read(p []byte) (int, error) {
	if Lost(s.d.err) {
		return 0, s.d.err
	}
	if s.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > s.left {
		p = p[:s.left]
	}
	n, err := s.d.r.Read(p)
	s.left -= int64(n)
	if err != nil {
		return n, s.d.fatal(unexpected(err))
	}
	return n, nil
}
