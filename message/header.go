package message

import (
	"bytes"
	"iter"
	"slices"
	"strings"
)

// Field is one header field, or one line that is none.
type Field struct {
	Name string // as written, without white space before the colon; "" for a malformed line
	Raw  []byte // all octets: name, colon, value, continuation lines and their line ends
}

// Value is what follows the colon, unfolded (RFC 5322 §2.2.3) and without white
// space around it. For a malformed line it is the whole line.
func (f Field) Value() string {
	v := f.Raw
	if f.Name != "" {
		v = v[bytes.IndexByte(v, ':')+1:]
	}
	return unfold(v)
}

// unfold drops line ends and trims. Folding white space stays as written.
func unfold(v []byte) string {
	v = bytes.Trim(v, " \t\r\n")
	if bytes.IndexByte(v, '\n') < 0 {
		return string(v)
	}
	var b strings.Builder
	b.Grow(len(v))
	for len(v) > 0 {
		line, n := nextLine(v)
		b.Write(trimEOL(line))
		v = v[n:]
	}
	return b.String()
}

// Header is a header section: its fields in order. The zero Header is empty.
type Header struct{ fields []Field }

// ParseHeader reads a header section from the start of b, up to the first empty
// line or the end of b. It keeps references into b.
func ParseHeader(b []byte) Header {
	var h Header
	for raw := range rawFields(b) {
		h.fields = append(h.fields, Field{string(fieldName(raw)), raw})
	}
	return h
}

// AppendFields appends to out those fields of the header section in b that have
// one of the names, or with not those that have none of them, and an empty line
// behind them: what IMAP calls HEADER.FIELDS and HEADER.FIELDS.NOT (RFC 9051
// §6.4.5.1).
func AppendFields(out, b []byte, names []string, not bool) []byte {
	return appendIf(out, b, func(name []byte) bool { return listed(names, name) != not })
}

func appendIf(out, b []byte, wanted func(name []byte) bool) []byte {
	start := len(out)
	for raw := range rawFields(b) {
		if wanted(fieldName(raw)) {
			out = append(out, raw...)
		}
	}
	if len(out) > start && out[len(out)-1] != '\n' {
		out = append(out, '\r', '\n')
	}
	return append(out, '\r', '\n')
}

// listed tells whether a field's name is among names, in any case of letters.
func listed(names []string, name []byte) bool {
	if len(name) == 0 {
		return slices.Contains(names, "")
	}
	for _, s := range names {
		// Most names differ in length or in the last letter.
		if n := len(s); n == len(name) && (s[n-1]^name[n-1])&^0x20 == 0 && strings.EqualFold(s, string(name)) {
			return true
		}
	}
	return false
}

// rawFields are the octets of each field of a header section, continuation
// lines among them.
func rawFields(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			line, n := nextLine(b)
			if len(trimEOL(line)) == 0 {
				return
			}
			for n < len(b) && (b[n] == ' ' || b[n] == '\t') {
				_, m := nextLine(b[n:])
				n += m
			}
			if !yield(b[:n:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// Fields are all fields in order, malformed lines among them.
func (h Header) Fields() []Field { return h.fields }

// Get is the unfolded value of the first field of that name, in any case of
// letters; "" when there is none.
func (h Header) Get(name string) string {
	for _, f := range h.fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value()
		}
	}
	return ""
}

// Has tells whether a field of that name is there, be it empty.
func (h Header) Has(name string) bool {
	for _, f := range h.fields {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

// All are the unfolded values of the fields of that name, in order.
func (h Header) All(name string) []string {
	var all []string
	for _, f := range h.fields {
		if strings.EqualFold(f.Name, name) {
			all = append(all, f.Value())
		}
	}
	return all
}

// fieldName is the name of the field that starts with line; empty when the line
// is none. White space before the colon is obsolete syntax (RFC 5322 §4.5).
func fieldName(line []byte) []byte {
	i := bytes.IndexByte(line, ':')
	if i < 0 {
		return nil
	}
	name := bytes.TrimRight(line[:i], " \t")
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return nil
		}
	}
	return name
}

// nextLine is the first line of b with its line end, and its length.
func nextLine(b []byte) ([]byte, int) {
	n := bytes.IndexByte(b, '\n') + 1
	if n == 0 {
		n = len(b)
	}
	return b[:n], n
}

// trimEOL takes CRLF or LF off the end of a line.
func trimEOL(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
		if n > 1 && line[n-2] == '\r' {
			line = line[:n-2]
		}
	}
	return line
}
