package imapd

import (
	"bytes"
	"slices"
	"unicode"
	"unicode/utf8"
)

// fuzzyWords are the words of a folded text that is sought. A word of another
// text is like one of them, from leastLike to 100,
//
//	when they are equal: 100;
//	when it begins with it and that has three characters or more: 90;
//	else by the trigrams of the two, each with two blanks before it and one
//	behind: twice how many they share, by how many they have together, in
//	hundredths (Dice).
//
// So a letter that is wrong, missing or too many in a word of six or more does
// not hide it, and a word of one or two characters is found exactly.
type fuzzyWords []fuzzyWord

type fuzzyWord struct {
	text     []byte
	trigrams []uint64 // ascending
}

const (
	leastLike     = 50
	beginsLike    = 90
	maxFuzzyWords = 16 // of a text that is sought; the rest is passed over
	maxWordLength = 64 // octets; what is longer is like nothing but itself
)

func newFuzzyWords(text []byte) (words fuzzyWords) {
	eachWord(text, func(w []byte) bool {
		if !slices.ContainsFunc(words, func(k fuzzyWord) bool { return bytes.Equal(k.text, w) }) {
			words = append(words, fuzzyWord{w, trigramsOf(w, nil)})
		}
		return len(words) < maxFuzzyWords
	})
	return words
}

// eachWord calls fn with each run of letters, marks and digits, until it gives
// false.
func eachWord(text []byte, fn func([]byte) bool) {
	start := -1
	for i := 0; i < len(text); {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(text[i:])
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			if start < 0 {
				start = i
			}
		} else if start >= 0 {
			if !fn(text[start:i]) {
				return
			}
			start = -1
		}
		i += n
	}
	if start >= 0 {
		fn(text[start:])
	}
}

// trigramsOf appends a word's trigrams, ascending, each once.
func trigramsOf(word []byte, to []uint64) []uint64 {
	if len(word) > maxWordLength {
		return to
	}
	const bits = 21 // of a rune
	gram := uint64(' ')<<bits | ' '
	add := func(r rune) {
		gram = (gram<<bits | uint64(r)) & (1<<(3*bits) - 1)
		to = append(to, gram)
	}
	for _, r := range string(word) {
		add(r)
	}
	add(' ')
	slices.Sort(to)
	return slices.Compact(to)
}

// likeness is how like the words of a folded text are: the average of the best
// for each, or 0 when there is one that nothing is like.
func (words fuzzyWords) likeness(text []byte) int {
	best := make([]int, len(words))
	var scratch []uint64
	eachWord(text, func(w []byte) bool {
		scratch = scratch[:0]
		missing := false
		for i := range words {
			if best[i] < 100 {
				best[i] = max(best[i], words[i].like(w, &scratch))
			}
			missing = missing || best[i] < 100
		}
		return missing
	})
	sum := 0
	for _, b := range best {
		if b < leastLike {
			return 0
		}
		sum += b
	}
	return sum / max(len(words), 1)
}

// like compares with one word; its trigrams are made when they are needed, once
// for all.
func (k *fuzzyWord) like(w []byte, trigrams *[]uint64) int {
	switch {
	case bytes.Equal(k.text, w):
		return 100
	case utf8.RuneCount(k.text) < 3:
		return 0
	case bytes.HasPrefix(w, k.text):
		return beginsLike
	case len(w) > 3*len(k.text)+3 || 3*len(w)+3 < len(k.text): // they cannot share half
		return 0
	}
	if len(*trigrams) == 0 {
		*trigrams = trigramsOf(w, *trigrams)
	}
	a, b, shared := k.trigrams, *trigrams, 0
	all := len(a) + len(b)
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			a = a[1:]
		case a[0] > b[0]:
			b = b[1:]
		default:
			shared++
			a, b = a[1:], b[1:]
		}
	}
	if score := 200 * shared / max(all, 1); score >= leastLike {
		return min(score, beginsLike-1)
	}
	return 0
}
