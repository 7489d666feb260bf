package imapd

import (
	"cmp"
	"strconv"
	"strings"

	"posthorn/message"
)

// FUZZY (RFC 6203) stands before a search key and makes what is text in it
// inexact; all other keys mean the same with it. What is sought is taken apart
// into words, and every one of them must be like some word of the same field, of
// the header, or of the body: fuzzyWords says what that means. Their order and
// what stands between them do not matter. A string without any word is sought
// as it is.
//
// RELEVANCY is, from 1 to 100, how alike the words were on average; of several
// fuzzy keys that hold, the best counts. It says nothing of how often a word
// is there, or where.
//
// The search index knows nothing of likeness: what FUZZY asks of bodies is read.

// fuzzyKey seeks words in the header fields of a name, in the whole header ("*")
// or in the body ("").
type fuzzyKey struct {
	field string
	words fuzzyWords
}

const wholeHeader = "*"

func (k fuzzyKey) needs() need {
	if k.field == "" {
		return needContent
	}
	return needDigest
}

func (k fuzzyKey) judge(m *candidate) verdict {
	if k.field == "" {
		if m.level < needContent {
			return unknown
		}
		return m.like(k.words.likeness(m.body()))
	}
	h, ok := m.head()
	if !ok {
		return unknown
	}
	best := 0
	for _, f := range h.Fields() {
		if k.field == wholeHeader || strings.EqualFold(f.Name, k.field) {
			best = max(best, k.words.likeness(message.AppendFieldText(nil, f)))
		}
	}
	return m.like(best)
}

// like takes in how like a message is; 0 is not.
func (m *candidate) like(score int) verdict {
	m.score = max(m.score, uint8(score))
	return verdictOf(score > 0)
}

// fuzzy takes FUZZY and its key. It may be there twice and means no more then.
func (p *parser) fuzzy() node {
	before := p.inexact
	p.inexact, p.ranked = true, true
	defer func() { p.inexact = before }()
	return p.next()
}

// maxFuzzy bounds the words that a program seeks with FUZZY, in all. Each is
// compared with every word of a message, and while a message is searched others
// wait (search_content.go).
const maxFuzzy = 64

var errFuzzy = no("LIMIT", "More words to be found inexactly than one search can have: "+strconv.Itoa(maxFuzzy))

// fuzzyWords are the words of a text within FUZZY; none elsewhere.
func (p *parser) fuzzyWords(text []byte) fuzzyWords {
	if !p.inexact {
		return nil
	}
	words := newFuzzyWords(text)
	if p.fuzzies += len(words); p.fuzzies > maxFuzzy && p.err == nil {
		p.err = errFuzzy
	}
	return words
}

// fieldText is a key that seeks text in the fields of a name; bodyTextKey and
// anyText seek it in the body, and in header and body.
func (p *parser) fieldText(name string, text []byte) node {
	if words := p.fuzzyWords(text); len(words) > 0 {
		return fuzzyKey{name, words}
	}
	return fieldKey{name: name, text: text}
}

func (p *parser) bodyTextKey(text []byte) node {
	if words := p.fuzzyWords(text); len(words) > 0 {
		return fuzzyKey{"", words}
	}
	return bodyKey{text}
}

func (p *parser) anyText(text []byte) node {
	if words := p.fuzzyWords(text); len(words) > 0 {
		return or{fuzzyKey{wholeHeader, words}, fuzzyKey{"", words}}
	}
	return textKey(text)
}

// byRelevancy orders hits as the sort key RELEVANCY does: the best first.
func byRelevancy(hits []hit) []int64 {
	ranks := make([]int64, len(hits))
	for i, h := range hits {
		ranks[i] = -int64(h.relevancy())
	}
	return ranks
}

// relevancy of a message that no fuzzy key held for is the best there is: it was
// found for certain.
func (h hit) relevancy() uint8 { return cmp.Or(h.score, 100) }
