package wire

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Encoder writes responses through one buffer. Each method gives the Encoder
// back, so that a response reads as it looks on the wire. The first error of
// the connection stays: later writes do nothing, Flush tells it.
type Encoder struct {
	// UTF8 writes mailbox names as UTF-8 and allows it in quoted strings.
	UTF8 bool

	w       *bufio.Writer
	err     error
	scratch [48]byte
}

// NewEncoder writes to w.
func NewEncoder(w *bufio.Writer) *Encoder { return &Encoder{w: w} }

// Reset goes on with another buffer over the same connection.
func (e *Encoder) Reset(w *bufio.Writer) { e.w = w }

// Flush sends what was written.
func (e *Encoder) Flush() error {
	if e.err == nil {
		e.err = e.w.Flush()
	}
	return e.err
}

// Raw writes text as it is. It must come from this program or from another
// writer of IMAP syntax, never from a client or a message.
func (e *Encoder) Raw(s string) *Encoder {
	if e.err == nil {
		_, e.err = e.w.WriteString(s)
	}
	return e
}

// Bytes writes octets that are in wire form already.
func (e *Encoder) Bytes(b []byte) *Encoder {
	if e.err == nil {
		_, e.err = e.w.Write(b)
	}
	return e
}

// SP writes a space.
func (e *Encoder) SP() *Encoder { return e.Raw(" ") }

// CRLF ends a response.
func (e *Encoder) CRLF() *Encoder { return e.Raw("\r\n") }

// Num writes a number.
func (e *Encoder) Num(n int64) *Encoder { return e.Bytes(strconv.AppendInt(e.scratch[:0], n, 10)) }

// Text writes resp-text: any control character becomes a space.
func (e *Encoder) Text(s string) *Encoder {
	return e.Raw(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s))
}

// String writes a quoted string, or a literal where that cannot hold s.
func (e *Encoder) String(s string) *Encoder {
	if len(s) > 4096 || !e.quotable(s) {
		return e.Raw("{").Num(int64(len(s))).Raw("}\r\n").Raw(s)
	}
	e.Raw(`"`)
	for {
		i := strings.IndexAny(s, `"\`)
		if i < 0 {
			return e.Raw(s).Raw(`"`)
		}
		e.Raw(s[:i]).Raw(`\`).Raw(s[i : i+1])
		s = s[i+1:]
	}
}

func (e *Encoder) quotable(s string) bool {
	ascii := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == 0 || c == '\r' || c == '\n' {
			return false
		}
		ascii = ascii && c < 0x80
	}
	return ascii || e.UTF8 && utf8.ValidString(s)
}

// NString writes a string, or NIL where there is none.
func (e *Encoder) NString(s string, ok bool) *Encoder {
	if !ok {
		return e.Raw("NIL")
	}
	return e.String(s)
}

// Value writes a string, or a literal8 where it holds a NUL (RFC 5464 §5).
func (e *Encoder) Value(s string) *Encoder {
	if strings.IndexByte(s, 0) >= 0 {
		e.Raw("~")
	}
	return e.String(s)
}

// Mailbox writes a mailbox name as an astring.
func (e *Encoder) Mailbox(name string) *Encoder {
	if !e.UTF8 {
		name = encodeUTF7(name)
	}
	if name == "INBOX" {
		return e.Raw(name)
	}
	return e.String(name)
}

// DateTime writes a date-time in its own zone.
func (e *Encoder) DateTime(t time.Time) *Encoder {
	b := append(e.scratch[:0], '"')
	b = t.AppendFormat(b, DateTime)
	return e.Bytes(append(b, '"'))
}

// Date writes a date-time: Unix seconds, and a zone in seconds east of UTC.
func (e *Encoder) Date(at int64, zone int32) *Encoder {
	return e.Bytes(appendDate(e.scratch[:0], at, zone))
}

// List writes words in parentheses. They must be atoms or flags.
func (e *Encoder) List(words []string) *Encoder {
	e.Raw("(")
	for i, w := range words {
		if i > 0 {
			e.SP()
		}
		e.Raw(w)
	}
	return e.Raw(")")
}

// Literal writes size octets of r as a literal. When r gives fewer, the
// client cannot be told any more: the connection is lost.
func (e *Encoder) Literal(size int64, r io.Reader) *Encoder {
	e.Raw("{").Num(size).Raw("}\r\n")
	if e.err != nil {
		return e
	}
	if n, err := io.CopyN(e.w, r, size); err != nil {
		e.err = fmt.Errorf("literal ended after %d of %d octets: %w", n, size, err)
	}
	return e
}

// Err is the first error of the connection.
func (e *Encoder) Err() error { return e.err }
