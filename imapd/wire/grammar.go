package wire

import (
	"bytes"
	"strconv"
	"strings"
)

// peek is the next octet of the line, 0 at its end and after an error.
func (d *Decoder) peek() byte {
	if d.err != nil || d.pos >= len(d.line) {
		return 0
	}
	return d.line[d.pos]
}

// At says whether c comes next.
func (d *Decoder) At(c byte) bool { return d.peek() == c && c != 0 }

// atEnd says whether the command ends here (or is wrong already).
func (d *Decoder) atEnd() bool { return d.peek() == 0 && (d.err != nil || d.pos >= len(d.line)) }

// Take takes c if it comes next.
func (d *Decoder) Take(c byte) bool {
	if !d.At(c) {
		return false
	}
	d.pos++
	return true
}

// Need takes c, which must come next.
func (d *Decoder) Need(c byte) {
	if !d.Take(c) {
		d.Fail("expected %q", c)
	}
}

// SP takes a space; more than one are taken as one.
func (d *Decoder) SP() {
	d.Need(' ')
	for d.peek() == ' ' {
		d.pos++
	}
}

// TakeSP takes a space if one comes next.
func (d *Decoder) TakeSP() bool {
	if !d.At(' ') {
		return false
	}
	d.SP()
	return !d.atEnd()
}

// TakeText takes these characters, in any case of letters, if they are next.
func (d *Decoder) TakeText(s string) bool {
	if d.err != nil || len(d.line)-d.pos < len(s) || !strings.EqualFold(string(d.line[d.pos:d.pos+len(s)]), s) {
		return false
	}
	d.pos += len(s)
	return true
}

// More says whether anything but spaces is left of the line. It takes nothing.
func (d *Decoder) More() bool {
	if d.err != nil {
		return false
	}
	return len(bytes.TrimLeft(d.line[d.pos:], " ")) > 0
}

// while takes the octets that ok allows; what names them in the error when
// there is none.
func (d *Decoder) while(what string, ok func(byte) bool) string {
	if d.err != nil {
		return ""
	}
	start := d.pos
	for d.pos < len(d.line) && ok(d.line[d.pos]) {
		d.pos++
	}
	if d.pos == start {
		d.Fail("expected %s", what)
	}
	return string(d.line[start:d.pos])
}

// isAtomChar is ATOM-CHAR.
func isAtomChar(c byte) bool {
	return c > ' ' && c < 0x7f && strings.IndexByte(`(){%*"\]`, c) < 0
}

func isAStringChar(c byte) bool { return isAtomChar(c) || c == ']' }

// isListChar is list-char, and 8-bit octets, which Pattern judges.
func isListChar(c byte) bool { return isAStringChar(c) || c == '%' || c == '*' || c >= 0x80 }

// Tag takes a tag: any ASTRING-CHAR but "+".
func (d *Decoder) Tag() string {
	return d.while("a tag", func(c byte) bool { return isAStringChar(c) && c != '+' })
}

// Atom takes an atom.
func (d *Decoder) Atom() string { return d.while("a word", isAtomChar) }

// Word takes an atom that is a keyword of the grammar, in capitals.
func (d *Decoder) Word() string { return strings.ToUpper(d.Atom()) }

// SectionWord takes a keyword made of letters, digits, "." and "-" only, in
// capitals: what stands before the "[" of a FETCH item, or within it.
func (d *Decoder) SectionWord() string {
	return strings.ToUpper(d.while("a word", func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || c == '.' || c == '-'
	}))
}

// AString takes an astring: an atom, quoted string or literal.
func (d *Decoder) AString() string {
	switch d.peek() {
	case '"', '{':
		return d.String()
	}
	return d.while("a string", isAStringChar)
}

// String takes a quoted string or literal.
func (d *Decoder) String() string {
	switch d.peek() {
	case '"':
		return d.quoted()
	case '{':
		return d.literal()
	}
	d.Fail("expected a string")
	return ""
}

// NString takes a string or NIL.
func (d *Decoder) NString() (s string, ok bool) {
	if c := d.peek(); c == '"' || c == '{' {
		return d.String(), true
	}
	if d.Word() != "NIL" {
		d.Fail("expected a string or NIL")
	}
	return "", false
}

// Value takes a string, a literal8, which may hold anything, or NIL (RFC 5464
// §5).
func (d *Decoder) Value() (s string, ok bool) {
	if d.Take('~') {
		return d.anyLiteral(), true
	}
	return d.NString()
}

func (d *Decoder) quoted() string {
	d.Need('"')
	var b strings.Builder
	for d.err == nil && d.pos < len(d.line) {
		c := d.line[d.pos]
		d.pos++
		switch {
		case c == '"':
			return b.String()
		case c == '\\' && d.pos < len(d.line):
			b.WriteByte(d.line[d.pos])
			d.pos++
		case c == 0 || c == '\r':
			d.Fail("a control character in a quoted string")
		default:
			b.WriteByte(c)
		}
	}
	d.Fail("a quoted string without its end")
	return ""
}

// List takes a parenthesised list, calling item for each element. It may be
// empty. Lists nest to Limits.Depth.
func (d *Decoder) List(item func()) {
	d.Need('(')
	d.depth++
	if d.depth > d.Limits.Depth {
		d.Fail("too many parentheses")
	}
	for first := true; d.err == nil && !d.At(')'); first = false {
		if !first {
			d.SP()
		}
		item()
	}
	d.Need(')')
	d.depth--
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// Number32 takes a number of 32 bits.
func (d *Decoder) Number32() uint32 { return uint32(d.number(32)) }

// Number64 takes a number of 63 bits (RFC 9051 number64).
func (d *Decoder) Number64() int64 { return int64(d.number(63)) }

func (d *Decoder) number(bits int) uint64 {
	s := d.while("a number", isDigit)
	if d.err != nil {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, bits)
	if err != nil {
		d.Fail("a number that is too large")
	}
	return n
}

// Flag takes a flag: `\Name` or a keyword.
func (d *Decoder) Flag() string {
	if d.Take('\\') {
		return `\` + d.Atom()
	}
	return d.Atom()
}

// Flags takes a list of flags in parentheses.
func (d *Decoder) Flags() (flags []string) {
	d.List(func() { flags = append(flags, d.Flag()) })
	return flags
}
