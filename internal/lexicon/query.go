package lexicon

import (
	"bytes"
	"slices"
)

// Query is a string to look for, made ready. It may be used by many goroutines.
type Query struct {
	patterns [][]byte // what must stand in the lexicon, the most telling first
	exact    bool
}

// end stands before and behind each word in a lexicon, and in no word.
const end = 0

// NewQuery makes a query of a string, which must be folded as the texts are.
func NewQuery(s []byte) Query {
	var q Query
	pieces := 0
	for i := 0; i < len(s); {
		k, n := kindAt(s[i:])
		start := i
		for i += n; i < len(s); i += n {
			var next kind
			if next, n = kindAt(s[i:]); next != k {
				break
			}
		}
		switch pieces++; k {
		case letter:
			q.word(s[start:i], start == 0, i == len(s))
		case pair:
			q.pairs(s[start:i])
		}
	}
	slices.SortStableFunc(q.patterns, func(a, b []byte) int { return len(b) - len(a) })
	// One pattern that stands for all of s finds it in a word, and so in a text.
	q.exact = pieces == 1 && len(q.patterns) == 1 && len(bytes.Trim(q.patterns[0], "\x00")) == len(s)
	return q
}

// Exact tells whether what the query finds needs no verification.
func (q Query) Exact() bool { return q.exact }

// word adds a piece of the string: opened when it may go on to the left in a
// text's word, closed when it may to the right.
func (q *Query) word(piece []byte, openLeft, openRight bool) {
	if len(piece) > overlap { // its word may have been cut
		if openLeft && !openRight {
			piece = piece[len(piece)-overlap:]
		}
		q.patterns = append(q.patterns, bytes.Clone(piece[:overlap]))
		return
	}
	p := make([]byte, 0, len(piece)+2)
	if !openLeft {
		p = append(p, end)
	}
	p = append(p, piece...)
	if !openRight {
		p = append(p, end)
	}
	q.patterns = append(q.patterns, p)
}

// pairs adds a run of paired characters: each pair must be there. A single one
// may be of any pair.
func (q *Query) pairs(run []byte) {
	_, n := kindAt(run)
	if n == len(run) {
		q.patterns = append(q.patterns, bytes.Clone(run))
		return
	}
	eachPair(run, 0, n, func(p []byte) {
		q.patterns = append(q.patterns, slices.Concat([]byte{end}, p, []byte{end}))
	})
}
