package lexicon

import "unicode/utf8"

// Words longer than maxWord octets (lines of encoded data, addresses of pages)
// are cut into pieces that overlap, so that a string of overlap octets or fewer
// is whole in one of them.
const (
	maxWord = 1024
	overlap = 128
)

// kind is what a character is to the words around it.
type kind uint8

const (
	space  kind = iota // parts words
	letter             // is of a word with its neighbours
	pair               // of a script without spaces: its words are pairs
)

// kindAt is the kind of the character at the start of b, and its length.
func kindAt(b []byte) (kind, int) {
	switch c := b[0]; {
	case c <= ' ' || c == 0x7f:
		return space, 1
	case c < utf8.RuneSelf:
		return letter, 1
	}
	r, n := utf8.DecodeRune(b)
	if r >= 0x0e00 && paired(r) {
		return pair, n
	}
	return letter, n
}

// paired tells whether a character is of a script that is written without
// spaces between words.
func paired(r rune) bool {
	switch {
	case r < 0x10a0: // Thai, Lao, Tibetan, Burmese
		return r >= 0x0e00
	case r < 0x2e80:
		return r >= 0x1780 && r < 0x1800 // Khmer
	case r < 0xa4d0: // radicals, kana, bopomofo, Han, Yi
		return true
	}
	return r >= 0xf900 && r < 0xfb00 || r >= 0x20000 && r < 0x40000
}

// eachWord calls fn for the words of a text, in order and as often as they
// stand there. Words are slices of text.
func eachWord(text []byte, fn func(word []byte)) {
	for i := 0; i < len(text); {
		k, n := kindAt(text[i:])
		if k == space {
			i++
			continue
		}
		start := i
		i += n
		if k == pair {
			i = eachPair(text, start, i, fn)
			continue
		}
		for i < len(text) {
			if c := text[i]; c > ' ' && c < 0x7f { // by far the most
				i++
				continue
			}
			if k, n = kindAt(text[i:]); k != letter {
				break
			}
			i += n
		}
		cut(text[start:i], fn)
	}
}

// eachPair gives the pairs of a run of paired characters, of which the first is
// text[start:i]; a single one is a word by itself. It returns the run's end.
func eachPair(text []byte, start, i int, fn func(word []byte)) int {
	alone := true
	for i < len(text) {
		k, n := kindAt(text[i:])
		if k != pair {
			break
		}
		fn(text[start : i+n])
		start, i, alone = i, i+n, false
	}
	if alone {
		fn(text[start:i])
	}
	return i
}

func cut(word []byte, fn func(word []byte)) {
	for len(word) > maxWord {
		fn(word[:maxWord])
		word = word[maxWord-overlap:]
	}
	fn(word)
}
