package imapd

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// collated gives what a text is ordered and compared by in SORT and THREAD:
// i;unicode-casemap (RFC 5051), which RFC 5256 §1 asks for by way of I18NLEVEL=1
// and which is what a client gets where none was chosen. Each character becomes
// its titlecase, then its compatibility decomposition; the results compare by
// octets. Divergence: combining marks are put into canonical order, so that two
// ways of writing one text are equal.
func collated(s string) string {
	ascii := true
	for i := 0; i < len(s) && ascii; i++ {
		ascii = s[i] < 0x80
	}
	if ascii {
		return strings.ToUpper(s)
	}
	return norm.NFKD.String(strings.Map(unicode.ToTitle, s))
}
