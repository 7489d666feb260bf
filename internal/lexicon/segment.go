package lexicon

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// ErrDamaged is the kind of all errors of a segment that is not as it was
// written.
var ErrDamaged = errors.New("damaged segment")

// Segment is a segment that is being read. It may be used by many goroutines.
type Segment struct {
	docs    []uint32 // ids, ascending
	opaque  []uint32 // ordinals
	fields  []fieldRange
	groups  []group // and one behind the last
	words   int
	allPost uint32 // octets of the postings
}

// fieldRange is where a field's words are: octets [start,end) of Words, the
// number of the first word.
type fieldRange struct {
	field      Field
	start, end uint32
	first      uint32
}

// group is where a group begins in Words and in Postings.
type group struct{ word, post uint32 }

// Open reads the head of a segment.
func Open(head []byte) (*Segment, error) {
	if len(head) <= sumSize || binary.LittleEndian.Uint32(head) != checksum(head[sumSize:]) || head[sumSize] != formVersion {
		return nil, fmt.Errorf("head: %w", ErrDamaged)
	}
	in := numbers{b: head[sumSize+1:]}
	s := &Segment{}
	s.docs = make([]uint32, in.count())
	id := uint32(0)
	for i := range s.docs {
		id += in.next()
		s.docs[i] = id
	}
	s.opaque = make([]uint32, in.count())
	for i := range s.opaque {
		s.opaque[i] = in.next()
	}
	s.words = int(in.next())
	start, first := uint32(sumSize), uint32(0)
	for n := in.count(); n > 0; n-- {
		f := fieldRange{field: Field(in.next()), start: start, first: first}
		start += in.next()
		f.end = start
		first += in.next()
		s.fields = append(s.fields, f)
	}
	at := group{word: sumSize}
	s.groups = append(make([]group, 0, s.words/groupWords+2), at)
	for n := (s.words + groupWords - 1) / groupWords; n > 0 && !in.bad; n-- {
		at.word += in.next()
		at.post += in.next()
		s.groups = append(s.groups, at)
	}
	s.allPost = at.post
	if in.bad || at.word != start || int(first) != s.words {
		return nil, fmt.Errorf("head: %w", ErrDamaged)
	}
	return s, nil
}

// numbers reads varints; bad is sticky.
type numbers struct {
	b   []byte
	bad bool
}

func (n *numbers) next() uint32 {
	v, l := binary.Uvarint(n.b)
	if l <= 0 || v > 1<<32-1 {
		n.bad, n.b = true, nil
		return 0
	}
	n.b = n.b[l:]
	return uint32(v)
}

// count is a number of things that follow, each at least an octet long.
func (n *numbers) count() uint32 {
	v := n.next()
	if int64(v) > int64(len(n.b)) {
		n.bad, n.b = true, nil
		return 0
	}
	return v
}

// Documents are the ids of the documents, ascending.
func (s *Segment) Documents() []uint32 { return s.docs }

// WordsSize and PostingsSize are the lengths of the other parts.
func (s *Segment) WordsSize() int    { return int(s.groups[len(s.groups)-1].word) }
func (s *Segment) PostingsSize() int { return int(s.allPost) }

// VerifyWords says whether words are the segment's.
func (s *Segment) VerifyWords(words []byte) error {
	if len(words) != s.WordsSize() || binary.LittleEndian.Uint32(words) != checksum(words[sumSize:]) {
		return fmt.Errorf("words: %w", ErrDamaged)
	}
	return nil
}

// Set is a set of documents by ordinal.
type Set []uint64

func newSet(n int) Set { return make(Set, (n+63)/64) }

func (s Set) add(i uint32) { s[i>>6] |= 1 << (i & 63) }

// Has tells whether the document with ordinal i is in the set.
func (s Set) Has(i int) bool { return s[i>>6]&(1<<(i&63)) != 0 }

// Len is how many documents the set has.
func (s Set) Len() (n int) {
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// Or adds another set's documents.
func (s Set) Or(t Set) {
	for i := range s {
		s[i] |= t[i]
	}
}

func (s Set) and(t Set) {
	for i := range s {
		s[i] &= t[i]
	}
}

// Opaque are the documents of which no query knows.
func (s *Segment) Opaque() Set {
	o := newSet(len(s.docs))
	for _, i := range s.opaque {
		if int(i) < len(s.docs) {
			o.add(i)
		}
	}
	return o
}

// Find gives the documents that may hold the query's string in a field (all that
// do are among them), opaque ones apart. words are the Words part, verified;
// postings gives octets [from,to) of the Postings part.
func (s *Segment) Find(f Field, q Query, words []byte, postings func(from, to uint32) ([]byte, error)) (Set, error) {
	all := newSet(len(s.docs))
	if len(q.patterns) == 0 { // white space alone: any text may have it
		for n := range s.docs {
			all.add(uint32(n))
		}
		return all, nil
	}
	i := slices.IndexFunc(s.fields, func(r fieldRange) bool { return r.field == f })
	if i < 0 {
		return all, nil
	}
	for n, pattern := range q.patterns {
		found := all
		if n > 0 {
			found = newSet(len(s.docs))
		}
		if err := s.find(s.fields[i], pattern, words, postings, found); err != nil {
			return nil, err
		}
		if n > 0 {
			all.and(found)
		}
		if all.Len() == 0 {
			break
		}
	}
	return all, nil
}

// find unites the postings of the words that hold a pattern.
func (s *Segment) find(r fieldRange, pattern, words []byte, postings func(from, to uint32) ([]byte, error), found Set) error {
	g := groupReader{s: s, read: postings, group: -1}
	at := int(r.start)
	for {
		i := bytes.Index(words[at:r.end], pattern)
		if i < 0 {
			return nil
		}
		at += i
		inside := at // an octet of the word
		if pattern[0] == end {
			inside++
		}
		if err := g.word(words, r, uint32(inside), found); err != nil {
			return err
		}
		if g.full(found) {
			return nil
		}
		next := bytes.IndexByte(words[inside:r.end], end)
		if next < 0 {
			return fmt.Errorf("words: %w", ErrDamaged)
		}
		at = inside + next // the octet behind the word, which may begin the next match
	}
}
