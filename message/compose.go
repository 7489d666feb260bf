package message

import (
	"bytes"
	"crypto/rand"
	"strings"
	"time"
	"unicode/utf8"
)

// maxLine is the length lines are folded to (RFC 5322 §2.1.1), without CRLF.
const maxLine = 76

// DateFormat writes a Date field's value for time.Time.Format.
const DateFormat = "Mon, 2 Jan 2006 15:04:05 -0700"

// Composer writes a message in memory: fields first, then a body or a
// multipart. Lines end with CRLF; whatever texts are given, no field can end
// early and no line is longer than 998 octets. The zero Composer is ready.
type Composer struct {
	b     bytes.Buffer
	stack []string // boundaries of the multiparts that are open
}

// Bytes is the message so far. Multiparts must have been closed.
func (c *Composer) Bytes() []byte { return c.b.Bytes() }

// Field writes an unstructured field (RFC 5322 §2.2.1), folded; what is not
// ASCII in encoded words (RFC 2047).
func (c *Composer) Field(name, value string) {
	c.fold(name, encodeText(cleanLine(value), roomBehind(name)))
}

// Structured writes a field whose value is syntax already. It is folded at
// spaces and must be ASCII, or UTF-8 where RFC 6532 allows it.
func (c *Composer) Structured(name, value string) { c.fold(name, cleanLine(value)) }

// Date writes a date field.
func (c *Composer) Date(name string, t time.Time) { c.fold(name, t.Format(DateFormat)) }

// Addresses writes an address list. Groups are not written.
func (c *Composer) Addresses(name string, list ...Address) {
	var all []string
	room := roomBehind(name)
	for _, a := range list {
		if !a.Group {
			all = append(all, a.within(room))
			room = maxWord
		}
	}
	c.fold(name, strings.Join(all, ", "))
}

// String is a as it stands in a field, its name in encoded words when it must be.
func (a Address) String() string { return a.within(maxWord) }

// within is String with a first encoded word of up to room octets.
func (a Address) within(room int) string {
	spec := quoteLocal(cleanLine(a.Mailbox))
	if a.Host != "" {
		spec += "@" + cleanLine(a.Host)
	}
	name := cleanLine(a.Name)
	switch {
	case name == "":
		return spec
	case !isASCII(name):
		name = wordB.words(name, room) // a phrase takes few of Q's octets (RFC 2047 §5)
	case !isPhrase(name) || strings.Contains(name, "=?"):
		name = quoteString(name)
	}
	return name + " <" + spec + ">"
}

// Text ends the header and writes a body of UTF-8 text in quoted-printable,
// with the fields that say so. Line ends may be LF or CRLF.
func (c *Composer) Text(subtype, text string) {
	if len(c.stack) == 0 {
		c.Structured("MIME-Version", "1.0")
	}
	c.Structured("Content-Type", "text/"+subtype+"; charset=utf-8")
	c.Structured("Content-Transfer-Encoding", "quoted-printable")
	c.b.WriteString("\r\n")
	writeQP(&c.b, text)
}

// Raw ends the header and writes octets as they are, which must have CRLF lines
// and, within a multipart, hold no boundary of it; boundaries are random.
func (c *Composer) Raw(body []byte) {
	c.b.WriteString("\r\n")
	c.b.Write(body)
}

// Multipart ends the header with the fields of a multipart and opens it. Each
// body part starts with Part; Close ends the multipart opened last.
func (c *Composer) Multipart(subtype string, params ...Param) {
	if len(c.stack) == 0 {
		c.Structured("MIME-Version", "1.0")
	}
	boundary := rand.Text()
	v := "multipart/" + subtype
	for _, p := range append(params, Param{"boundary", boundary}) {
		v += "; " + p.Name + "=" + quoteParam(p.Value)
	}
	c.Structured("Content-Type", v)
	c.stack = append(c.stack, boundary)
}

// Part starts a body part of the multipart opened last. Its fields follow.
func (c *Composer) Part() {
	c.b.WriteString("\r\n--" + c.stack[len(c.stack)-1] + "\r\n")
}

// Close ends the multipart opened last.
func (c *Composer) Close() {
	c.b.WriteString("\r\n--" + c.stack[len(c.stack)-1] + "--\r\n")
	c.stack = c.stack[:len(c.stack)-1]
}

// fold writes a field, broken before spaces so that lines stay within maxLine
// where there are spaces, and within 998 octets everywhere (RFC 5322 §2.1.1).
func (c *Composer) fold(name, value string) {
	c.b.WriteString(name)
	c.b.WriteByte(':')
	col := len(name) + 1
	for word := range strings.SplitSeq(value, " ") {
		if word == "" && col >= maxLine { // a run of spaces too long to stand
			continue
		}
		if word != "" && col+1+len(word) > maxLine {
			c.b.WriteString("\r\n")
			col = 0
		}
		c.b.WriteByte(' ')
		col++
		for len(word) > maxHardLine {
			n := runeEnd(word, maxHardLine)
			c.b.WriteString(word[:n] + "\r\n ")
			word, col = word[n:], 1
		}
		c.b.WriteString(word)
		col += len(word)
	}
	c.b.WriteString("\r\n")
}

// maxHardLine leaves room for a name before a word that cannot be broken well.
const maxHardLine = 900

// runeEnd is the greatest index up to n at which s may be cut between characters.
func runeEnd(s string, n int) int {
	for i := n; i > n-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			return i
		}
	}
	return n
}

// cleanLine takes out what could end a line or a string early.
func cleanLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
}

// roomBehind is how much of the first line of a field is left for its value.
func roomBehind(name string) int { return maxLine - len(name) - len(": ") }

// encodeText encodes s when it is not ASCII or looks like an encoded word; its
// first encoded word has up to room octets.
func encodeText(s string, room int) string {
	if isASCII(s) && !strings.Contains(s, "=?") {
		return s
	}
	if isASCII(s) {
		return strings.ReplaceAll(s, "=?", "=?utf-8?q?=3D=3F?=")
	}
	return shorterWord(s).words(s, room)
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

const atextSpecials = "!#$%&'*+-/=?^_`{|}~"

func isAtext(c byte) bool {
	return c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte(atextSpecials, c) >= 0
}

// isPhrase tells whether s is words of atoms with single spaces between.
func isPhrase(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isAtext(s[i]) && (s[i] != ' ' || i == 0 || s[i-1] == ' ') {
			return false
		}
	}
	return s != ""
}

// quoteLocal quotes a local part that is no dot-atom.
func quoteLocal(s string) string {
	prev := byte('.')
	for i := 0; i < len(s); i++ {
		if !isAtext(s[i]) && (s[i] != '.' || prev == '.') {
			return quoteString(s)
		}
		prev = s[i]
	}
	if prev == '.' {
		return quoteString(s)
	}
	return s
}

func quoteString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func quoteParam(s string) string {
	if isToken(s) {
		return s
	}
	return quoteString(s)
}

// writeQP writes text as quoted-printable (RFC 2045 §6.7), each line end as CRLF.
func writeQP(b *bytes.Buffer, text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		col := 0
		for i := 0; i < len(line); i++ {
			c := line[i]
			plain := c >= '!' && c <= '~' && c != '=' || (c == ' ' || c == '\t') && i < len(line)-1
			width := 1
			if !plain {
				width = 3
			}
			if col+width > 75 {
				b.WriteString("=\r\n")
				col = 0
			}
			if plain {
				b.WriteByte(c)
			} else {
				const hex = "0123456789ABCDEF"
				b.Write([]byte{'=', hex[c>>4], hex[c&15]})
			}
			col += width
		}
		b.WriteString("\r\n")
	}
}
