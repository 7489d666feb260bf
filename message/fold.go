package message

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold makes texts comparable as RFC 5051's i;unicode-casemap does, which IMAP
// names for searching (RFC 5255 §4.3): characters are decomposed, compatible ones
// too, and case is taken away. So `cafe` is found in `Café`, and `fi` in `ﬁ`. The
// form is our own, lower case where the RFC has title case; it also folds case
// after decomposing. A text is folded whole or in pieces that end at an ASCII
// character: the result is the same.
func Fold(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return string(AppendFold(nil, []byte(s)))
		}
	}
	return s
}

// AppendFold appends the folded src to dst. What is not UTF-8 becomes U+FFFD.
func AppendFold(dst, src []byte) []byte { return appendFold(dst, src, 1<<62) }

// foldPiece bounds what is decomposed at once.
const foldPiece = 16 << 10

// appendFold stops soon after dst has reached limit octets: a character can
// grow to eleven times its length.
func appendFold(dst, src []byte, limit int) []byte {
	for len(src) > 0 && len(dst) < limit {
		n := 0
		for n < len(src) && src[n] < utf8.RuneSelf {
			n++
		}
		at := len(dst)
		dst = append(dst, src[:n]...)
		lowerASCII(dst[at:])
		src = src[n:]
		for n = 0; n < len(src) && src[n] >= utf8.RuneSelf; {
			n++
		}
		dst = foldRun(dst, src[:n], limit)
		src = src[n:]
	}
	return dst
}

func lowerASCII(b []byte) {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
}

// foldRun folds octets that are all above ASCII. Their neighbours do not matter:
// nothing composes, and no mark moves over an ASCII character.
func foldRun(dst, run []byte, limit int) []byte {
	if !utf8.Valid(run) {
		run = bytes.ToValidUTF8(run, []byte("\uFFFD"))
	}
	at := len(dst)
	if dst, ok := foldSimple(dst, run, limit); ok {
		return dst
	}
	dst = dst[:at]
	var decomposed []byte
	for len(run) > 0 && len(dst) < limit {
		n := min(len(run), foldPiece)
		if n < len(run) {
			if b := norm.NFKD.LastBoundary(run[:n]); b > 0 {
				n = b
			} else {
				for !utf8.RuneStart(run[n]) {
					n--
				}
			}
		}
		decomposed = norm.NFKD.Append(decomposed[:0], run[:n]...)
		run = run[n:]
		for i := 0; i < len(decomposed); {
			r, l := utf8.DecodeRune(decomposed[i:])
			dst = utf8.AppendRune(dst, foldRune(r))
			i += l
		}
	}
	return dst
}

// foldSimple folds a run in which no character depends on another: without
// combining marks. That is nearly all of Latin, Greek, Cyrillic and Han; false
// when the run is another.
func foldSimple(dst, run []byte, limit int) ([]byte, bool) {
	for len(run) > 0 && len(dst) < limit {
		r, n := utf8.DecodeRune(run)
		switch {
		case int(r) < len(folded) && folded[r] != "":
			dst = append(dst, folded[r]...)
		case r >= 0x4e00 && r < 0xa000:
			dst = append(dst, run[:n]...)
		default:
			return dst, false
		}
		run = run[n:]
	}
	return dst, true
}

// folded is what low characters become that stand for themselves; the others
// have "".
var folded = func() (t [0x600]string) {
	for r := range rune(len(t)) {
		if s := string(r); norm.NFKD.PropertiesString(s).CCC() == 0 {
			var b []byte
			for _, d := range norm.NFKD.String(s) {
				b = utf8.AppendRune(b, foldRune(d))
			}
			t[r] = string(b)
		}
	}
	return t
}()

// foldRune takes the case away from a character: by way of its title case, since
// some small letters have one in common.
func foldRune(r rune) rune {
	if r >= 0x2e80 && r < 0xa640 { // Han, kana and their like have no case
		return r
	}
	return unicode.ToLower(unicode.ToTitle(r))
}
