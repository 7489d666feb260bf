package wire

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Mailbox takes a mailbox name, in UTF-8 or modified UTF-7 as UTF8 says. A
// name that is neither makes ErrName, not a syntax error: the command is
// understood, the name cannot be.
func (d *Decoder) Mailbox() string { return d.name(d.AString()) }

// Pattern takes a list-mailbox: a name with the wildcards % and *.
func (d *Decoder) Pattern() string {
	if c := d.peek(); c == '"' || c == '{' {
		return d.name(d.String())
	}
	return d.name(d.while("a mailbox pattern", isListChar))
}

func (d *Decoder) name(s string) string {
	if d.err != nil {
		return ""
	}
	name, ok := s, utf8.ValidString(s)
	if !d.UTF8 {
		name, ok = decodeUTF7(s)
	}
	if !ok {
		d.err = ErrName
		return ""
	}
	return name
}

// utf7 is the BASE64 of modified UTF-7: "," instead of "/", no padding
// (RFC 3501 §5.1.3).
var utf7 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").
	WithPadding(base64.NoPadding).Strict()

// decodeUTF7 decodes modified UTF-7. It is strict, so that a name has one
// encoding only: printable US-ASCII must stand for itself, and shifts must not
// follow each other directly.
func decodeUTF7(s string) (string, bool) {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f }) {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '&' {
			b.WriteByte(s[i])
			continue
		}
		n := strings.IndexByte(s[i:], '-')
		if n < 0 {
			return "", false
		}
		if n == 1 {
			b.WriteByte('&')
		} else if !decodeShift(&b, s[i+1:i+n]) || strings.HasPrefix(s[i+n+1:], "&") && !strings.HasPrefix(s[i+n+1:], "&-") {
			return "", false
		}
		i += n
	}
	return b.String(), true
}

// decodeShift decodes what stands between & and -.
func decodeShift(b *strings.Builder, s string) bool {
	raw, err := utf7.DecodeString(s)
	if err != nil || len(raw)%2 != 0 {
		return false
	}
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
	}
	for i := 0; i < len(units); i++ {
		r := rune(units[i])
		if utf16.IsSurrogate(r) {
			if i+1 == len(units) {
				return false
			}
			i++
			r = utf16.DecodeRune(r, rune(units[i]))
			if r == utf8.RuneError {
				return false
			}
		}
		if r >= ' ' && r < 0x7f {
			return false
		}
		b.WriteRune(r)
	}
	return true
}

// encodeUTF7 encodes a name as modified UTF-7.
func encodeUTF7(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		n := strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f || r == '&' })
		if n < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:n])
		s = s[n:]
		if s[0] == '&' {
			b.WriteString("&-")
			s = s[1:]
			continue
		}
		n = strings.IndexFunc(s, func(r rune) bool { return r >= ' ' && r < 0x7f })
		if n < 0 {
			n = len(s)
		}
		var raw []byte
		for _, u := range utf16.Encode([]rune(s[:n])) {
			raw = append(raw, byte(u>>8), byte(u))
		}
		b.WriteString("&" + utf7.EncodeToString(raw) + "-")
		s = s[n:]
	}
	return b.String()
}
