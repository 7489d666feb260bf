// Package wire reads and writes the syntax of IMAP (RFC 9051 §9, RFC 3501 §9)
// and knows nothing of its meaning.
//
// The Decoder has a sticky error, so that code which uses it reads like the
// grammar: take each element in turn, then ask End whether all of it was
// there. A command is read line by line under hard limits. What decides where
// it ends is only its framing, lines and literals: whatever goes wrong in
// between, the octets of a literal are never taken for a command.
//
// Notable divergences: more than one space between elements and spaces before
// the end of a line are accepted, as is 8-bit text in quoted strings.
package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// The kinds of errors. ErrTooLong, ErrTooBig, ErrName and ErrNumbers leave the connection
// usable after Discard; ErrLost and every error of the connection itself do
// not.
var (
	ErrTooLong = errors.New("the command line is too long")
	ErrTooBig  = errors.New("the literal is too big")
	ErrName    = errors.New("not a valid mailbox name")
	ErrNumbers = errors.New("message numbers are not used in this session")
	ErrLost    = errors.New("a refused literal is too big to be read past")
)

// SyntaxError says what is wrong with a command.
type SyntaxError struct {
	At   int // octet in the line, from 1
	What string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at octet %d", e.What, e.At) }

// Limits bounds what one command may make the server read or keep, in octets.
type Limits struct {
	Line    int   // all lines of a command together, literals not counted
	Literal int64 // all literal arguments of a command together
	Discard int64 // a refused non-synchronising literal up to this is read past; a larger one ends the session
	Depth   int   // parentheses
}

// Decoder reads one command after another from a connection.
type Decoder struct {
	// UTF8 makes mailbox names UTF-8 instead of modified UTF-7 (RFC 6855,
	// RFC 9051 §5.1).
	UTF8 bool
	// UIDOnly forbids message numbers: Numbers takes none (RFC 9586).
	UIDOnly bool
	Limits  Limits

	r        *bufio.Reader
	proceed  func() error // asks the client for a synchronising literal
	line     []byte       // current line without its CRLF
	pos      int
	tail     [32]byte // last octets of an over-long line
	long     bool
	used     int   // octets of this command's lines
	literals int64 // octets of its literal arguments
	depth    int
	stream   *stream // a literal that is being streamed
	peeked   bool    // the line belongs to the next command
	err      error
}

// NewDecoder reads from r. proceed is called before a synchronising literal
// is read: it writes the continuation request and flushes.
func NewDecoder(r *bufio.Reader, l Limits, proceed func() error) *Decoder {
	return &Decoder{r: r, Limits: l, proceed: proceed}
}

// Next reads the first line of the next command. ErrTooLong is not fatal: the
// head of the line can be read for its tag. Any other error is the
// connection's.
func (d *Decoder) Next() error {
	if d.peeked {
		d.peeked = false
	} else {
		d.used, d.literals, d.depth, d.err, d.stream = 0, 0, 0, nil, nil
		if err := d.readLine(); Lost(err) {
			return err
		}
	}
	if d.long {
		d.err = nil // the head can be read
		return ErrTooLong
	}
	return nil
}

// Peek reads the first line of the next command as Next does, and leaves it
// for Next.
func (d *Decoder) Peek() (line string, err error) {
	err = d.Next()
	if err != nil && !errors.Is(err, ErrTooLong) {
		return "", err
	}
	d.peeked = true
	return string(d.line), nil
}

// Line takes the next line whole, as AUTHENTICATE needs it.
func (d *Decoder) Line() (string, error) {
	d.nextLine()
	d.pos = len(d.line)
	return string(d.line), d.err
}

// Skip drops the line that Peek showed.
func (d *Decoder) Skip() { d.peeked = false }

// Pending says whether Peek left a line.
func (d *Decoder) Pending() bool { return d.peeked }

// Release lets go of all memory. It is called before the session waits.
func (d *Decoder) Release() { d.line = nil }

// Reset goes on with another buffer over the same connection.
func (d *Decoder) Reset(r *bufio.Reader) { d.r = r }

// readLine fills d.line. Of a line over the limit it keeps the head, reads
// past the rest, and remembers the tail, where a literal may be announced.
func (d *Decoder) readLine() error {
	d.line, d.pos, d.long = d.line[:0], 0, false
	skipped := int64(0)
	for {
		part, err := d.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			if err == io.EOF && len(d.line)+len(part) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return d.fatal(err)
		}
		if room := d.Limits.Line - d.used; d.long || len(part) > room {
			if !d.long {
				d.long = true
				d.keepTail(d.line) // a literal's header may lie across the limit
			}
			skipped += int64(len(part) - room)
			d.keepTail(part)
			part = part[:room]
		}
		d.line = append(d.line, part...)
		d.used += len(part)
		if err == nil {
			break
		}
		if skipped > d.Limits.Discard {
			return d.fatal(ErrLost)
		}
	}
	if d.long {
		d.err = ErrTooLong
		return d.err
	}
	d.line = trimEOL(d.line)
	return nil
}

// keepTail makes part the end of what tail holds.
func (d *Decoder) keepTail(part []byte) {
	n := min(len(part), len(d.tail))
	copy(d.tail[:], d.tail[n:])
	copy(d.tail[len(d.tail)-n:], part[len(part)-n:])
}

// trimEOL takes CRLF off, or a lone LF as sent by hand.
func trimEOL(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	if n := len(b); n > 0 && b[n-1] == '\r' {
		b = b[:n-1]
	}
	return b
}

// fatal makes err the error of this and of every later call.
func (d *Decoder) fatal(err error) error {
	d.err = &lost{err}
	return d.err
}

type lost struct{ error }

func (l *lost) Unwrap() error { return l.error }

// Lost says whether err ends the connection.
func Lost(err error) bool {
	var l *lost
	return errors.As(err, &l)
}

// Err is the first thing that went wrong in this command.
func (d *Decoder) Err() error { return d.err }

// Fail makes a syntax error of this command, unless there was one before.
func (d *Decoder) Fail(format string, args ...any) {
	if d.err == nil {
		d.err = &SyntaxError{At: d.pos + 1, What: fmt.Sprintf(format, args...)}
	}
}

// End asks for the end of the command and gives the first error in it.
func (d *Decoder) End() error {
	for d.peek() == ' ' {
		d.pos++
	}
	if d.err == nil && d.pos != len(d.line) {
		d.Fail("expected the end of the command, not %q", d.peek())
	}
	return d.err
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
