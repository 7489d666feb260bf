package sign

import (
	"bytes"
	"io"
	"strings"
)

// canon is a canonical form of RFC 6376 §3.4, of fields or of a body.
type canon bool

const (
	simple  canon = false
	relaxed canon = true
)

// parseCanon reads a c= tag: of the header, of the body (§3.5).
func parseCanon(c string) (header, body canon, ok bool) {
	h, b, _ := strings.Cut(squeeze(c), "/")
	names := map[string]canon{"": simple, "simple": simple, "relaxed": relaxed}
	header, ok = names[h]
	body, bodyOK := names[b]
	return header, body, ok && bodyOK
}

// field gives the canonical form of a header field, ended by CRLF.
func (c canon) field(raw []byte) []byte {
	if c == simple {
		if bytes.HasSuffix(raw, []byte("\r\n")) {
			return raw
		}
		return append(bytes.TrimRight(raw, "\r\n"), '\r', '\n')
	}
	colon := bytes.IndexByte(raw, ':')
	out := bytes.ToLower(bytes.TrimRight(raw[:max(colon, 0)], space))
	out = append(out, ':')
	gap := true // nothing yet: white space here is not kept
	for _, b := range raw[colon+1:] {
		switch b {
		case '\r', '\n':
		case ' ', '\t':
			if !gap {
				out = append(out, ' ')
			}
			gap = true
		default:
			out = append(out, b)
			gap = false
		}
	}
	return append(bytes.TrimRight(out, " "), '\r', '\n')
}

// body is a writer of a message's body that passes its canonical form on to w
// (§3.4.3 and §3.4.4). Close ends it. Memory is a line's white space at most:
// empty lines are counted.
type body struct {
	w     io.Writer
	form  canon
	empty int  // line ends that wait for something behind them
	cr    bool // a CR waits for its LF
	gap   bool // relaxed: white space waits for a word
	begun bool // something was passed on
	buf   []byte
	err   error
}

func newBody(w io.Writer, form canon) *body { return &body{w: w, form: form} }

func (b *body) Write(p []byte) (int, error) {
	for _, c := range p {
		if b.cr {
			b.cr = false
			if c == '\n' {
				b.lineEnd()
				continue
			}
			b.put('\r')
		}
		switch {
		case c == '\r':
			b.cr = true
		case b.form == relaxed && (c == ' ' || c == '\t'):
			b.gap = true
		default:
			b.put(c)
		}
	}
	b.flush()
	return len(p), b.err
}

func (b *body) flush() {
	if b.err == nil {
		_, b.err = b.w.Write(b.buf)
	}
	b.buf = b.buf[:0]
}

// lineEnd drops white space at the end of a line and keeps the line end until
// something follows: empty lines at the end of a body do not count.
func (b *body) lineEnd() {
	b.empty++
	b.gap = false
}

func (b *body) put(c byte) {
	for ; b.empty > 0; b.empty-- {
		b.buf = append(b.buf, '\r', '\n')
		if len(b.buf) > maxBuffer {
			b.flush()
		}
	}
	if b.gap {
		b.buf = append(b.buf, ' ')
		b.gap = false
	}
	b.buf = append(b.buf, c)
	b.begun = true
}

// Close ends the body: with one line end, but for an empty one in relaxed form.
func (b *body) Close() error {
	if b.cr {
		b.put('\r')
	}
	if b.begun || b.form == simple {
		b.buf = append(b.buf, '\r', '\n')
	}
	b.flush()
	return b.err
}

// maxBuffer is about how much is passed on at a time.
const maxBuffer = 32 << 10
