package report

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"posthorn/mail"
)

// This file is where a stranger's text is made fit to be shown.

// show is text of a stranger on one line. Characters that are not seen but change
// how others look (direction, joining, variants, tags) are named instead: a reply
// cannot make itself read backwards, nor hide what it says (Unicode TR 36 §2).
func show(s string) string {
	s = mail.Clean(s)
	if strings.IndexFunc(s, hidden) < 0 {
		return strings.TrimSpace(s)
	}
	var b strings.Builder
	for _, c := range s {
		if hidden(c) {
			b.WriteString("\uFFFD")
			continue
		}
		b.WriteRune(c)
	}
	return strings.TrimSpace(b.String())
}

// Hidden tells of a character that is not seen but changes how others look.
func Hidden(c rune) bool { return hidden(c) }

func hidden(c rune) bool {
	return c >= utf8.RuneSelf && (unicode.Is(unicode.Cf, c) || unicode.Is(unicode.Co, c) || unicode.Is(unicode.Variation_Selector, c) ||
		c == 0x034F || c == 0x115F || c == 0x1160 || c == 0x17B4 || c == 0x17B5 || c == 0x3164 || c == 0xFFA0)
}

// Show is text from elsewhere as it may stand in a sentence: on one line, nothing
// in it hidden, at most n characters long.
func Show(s string, n int) string { return cut(show(s), n) }

// How much of a reply is quoted.
const (
	maxQuoteLines = 12
	maxQuoteLine  = 300 // characters
)

// quoteLines are a reply's lines as a person is shown them.
func quoteLines(reply mail.Reply) []string {
	var all []string
	for line := range strings.SplitSeq(reply.String(), "\n") {
		if len(all) == maxQuoteLines {
			return append(all, "…")
		}
		all = append(all, cut(show(line), maxQuoteLine))
	}
	return all
}

// cut shortens s to n characters, between whole ones.
func cut(s string, n int) string {
	i := 0
	for at := range s {
		if i++; i > n {
			for at > 0 && unicode.Is(unicode.M, lastRune(s[:at])) {
				_, size := utf8.DecodeLastRuneInString(s[:at])
				at -= size
			}
			return s[:at] + "…"
		}
	}
	return s
}

func lastRune(s string) rune {
	c, _ := utf8.DecodeLastRuneInString(s)
	return c
}
