package message

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// wordEncoding is one of RFC 2047 §4 for UTF-8.
type wordEncoding struct {
	start  string // of an encoded word
	length func(text string) int
	encode func(text string) string
}

var (
	wordB = wordEncoding{"=?utf-8?b?", func(s string) int { return base64.StdEncoding.EncodedLen(len(s)) }, func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }}
	wordQ = wordEncoding{"=?utf-8?q?", lengthQ, encodeQ}
)

const (
	maxWord = 75 // octets of an encoded word (RFC 2047 §2)
	// minWord has space for any character.
	minWord = len("=?utf-8?q?") + utf8.UTFMax*len("=00") + len("?=")
)

// shorterWord is the encoding that makes less of s.
func shorterWord(s string) wordEncoding {
	if wordB.length(s) < wordQ.length(s) {
		return wordB
	}
	return wordQ
}

// words writes s as encoded words with a space between, each of whole characters.
// The first has up to room octets, so that it can stand on the line of a field's
// name; when that is not enough for a word, it goes onto the next.
func (e wordEncoding) words(s string, room int) string {
	if room < minWord || room > maxWord {
		room = maxWord
	}
	var b strings.Builder
	begin := 0
	for i, c := range s {
		if i > begin && len(e.start)+e.length(s[begin:i+utf8.RuneLen(c)])+len("?=") > room {
			b.WriteString(e.start + e.encode(s[begin:i]) + "?= ")
			begin, room = i, maxWord
		}
	}
	b.WriteString(e.start + e.encode(s[begin:]) + "?=")
	return b.String()
}

// plainQ tells whether an octet stands for itself in Q (RFC 2047 §4.2).
func plainQ(c byte) bool { return c > ' ' && c <= '~' && c != '=' && c != '?' && c != '_' }

func lengthQ(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		if n++; !plainQ(s[i]) && s[i] != ' ' {
			n += len("00")
		}
	}
	return n
}

func encodeQ(s string) string {
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ':
			b = append(b, '_')
		case plainQ(c):
			b = append(b, c)
		default:
			b = append(b, '=', hex[c>>4], hex[c&15])
		}
	}
	return string(b)
}
