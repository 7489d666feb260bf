package message

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
)

// DecodeWords decodes the encoded words of RFC 2047 in s, in any charset known
// to golang.org/x/text. White space between two encoded words goes, and octets of
// neighbours in one charset and encoding are decoded together, since senders cut
// characters in two. What is not well formed stays as written. The result is
// valid UTF-8: octets outside of words that are not are taken as Windows-1252.
func DecodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return validUTF8(s)
	}
	var b strings.Builder
	var pending encodedWord // decoded octets that may go on in the next word
	flush := func() {
		if pending.charset != "" {
			b.WriteString(decodeCharset(pending.charset, pending.octets))
			pending = encodedWord{}
		}
	}
	for s != "" {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		w, n := parseWord(s[i:])
		if n == 0 {
			flush()
			b.WriteString(validUTF8(s[:i+2]))
			s = s[i+2:]
			continue
		}
		between := s[:i]
		if pending.charset == "" || strings.Trim(between, " \t\r\n") != "" {
			flush()
			b.WriteString(validUTF8(between))
		}
		if !strings.EqualFold(pending.charset, w.charset) {
			flush()
		}
		pending.charset = w.charset
		pending.octets = append(pending.octets, w.octets...)
		s = s[i+n:]
	}
	flush()
	b.WriteString(validUTF8(s))
	return b.String()
}

type encodedWord struct {
	charset string
	octets  []byte
}

// parseWord reads the encoded word at the start of s and its length; 0 when
// there is none.
func parseWord(s string) (encodedWord, int) {
	name, rest, ok := strings.Cut(s[2:], "?")
	if !ok || len(rest) < 2 || rest[1] != '?' || !isCharsetName(name) {
		return encodedWord{}, 0
	}
	end := strings.Index(rest[2:], "?=")
	if end < 0 {
		return encodedWord{}, 0
	}
	text := rest[2 : 2+end]
	if strings.ContainsAny(text, "?\r\n") {
		return encodedWord{}, 0
	}
	name, _, _ = strings.Cut(name, "*") // a language may follow (RFC 2231 §5)
	w := encodedWord{charset: name}
	switch rest[0] {
	case 'B', 'b':
		var d base64Decoder
		w.octets = d.rest(d.decode(nil, []byte(text)))
	case 'Q', 'q':
		w.octets = decodeQ(text)
	default:
		return encodedWord{}, 0
	}
	return w, len(s) - len(rest) + 2 + end + 2
}

func isCharsetName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;"/[]?=`, c) >= 0 {
			return false
		}
	}
	return true
}

// decodeQ is RFC 2047 §4.2; an equals sign without two digits stands for itself.
func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			out = append(out, ' ')
		case c == '=' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0:
			out = append(out, byte(hexDigit(s[i+1])<<4|hexDigit(s[i+2])))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// decodeCharset gives octets as UTF-8. A charset nobody knows counts as none.
func decodeCharset(name string, octets []byte) string {
	if isUTF8Name(name) {
		return validUTF8(string(octets))
	}
	r, err := charset.Reader(name, bytes.NewReader(octets))
	if err != nil {
		return validUTF8(string(octets))
	}
	out, err := io.ReadAll(r)
	if err != nil {
		return validUTF8(string(octets))
	}
	return strings.ToValidUTF8(string(out), "\uFFFD")
}

func isUTF8Name(name string) bool {
	return name == "" || strings.EqualFold(name, "utf-8") || strings.EqualFold(name, "utf8") || strings.EqualFold(name, "us-ascii")
}

// validUTF8 is s when it is UTF-8; else its octets are taken as Windows-1252,
// the usual truth about unlabelled 8-bit text.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	r, err := charset.Reader("windows-1252", strings.NewReader(s))
	if err != nil {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	out, _ := io.ReadAll(r) // reads from memory
	return string(out)
}
