package lexicon

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sort"
)

// groupReader reads the postings of words in ascending order.
type groupReader struct {
	s    *Segment
	read func(from, to uint32) ([]byte, error)

	group int    // the one in rest, -1 for none
	rest  []byte // its postings from word number next on
	next  int
	hits  int // words added since full was looked at
}

// full tells, now and then, whether nothing can be added any more.
func (g *groupReader) full(found Set) bool {
	if g.hits++; g.hits < 1024 {
		return false
	}
	g.hits = 0
	return found.Len() == len(g.s.docs)
}

// word adds the documents of the word that the octet words[inside] is of.
func (g *groupReader) word(words []byte, r fieldRange, inside uint32, found Set) error {
	groups := g.s.groups
	n := g.group
	if n < 0 || inside >= groups[n+1].word {
		n = sort.Search(len(groups), func(i int) bool { return groups[i].word > inside }) - 1
	}
	// The words of a group before this one: each has an end octet behind it, and
	// a field that begins within the group has one before its first word.
	start := max(groups[n].word, r.start)
	number := n*groupWords + bytes.Count(words[start:inside], []byte{end})
	if groups[n].word <= r.start {
		number = int(r.first) + bytes.Count(words[r.start:inside], []byte{end}) - 1
	}
	if err := g.open(n); err != nil {
		return err
	}
	for ; g.next < number && len(g.rest) > 0; g.next++ {
		if err := g.pass(nil); err != nil {
			return err
		}
	}
	if g.next != number || len(g.rest) == 0 {
		return fmt.Errorf("postings: %w", ErrDamaged)
	}
	g.next++
	return g.pass(found)
}

// open reads the postings of a group and verifies them.
func (g *groupReader) open(n int) error {
	if n == g.group {
		return nil
	}
	from, to := g.s.groups[n].post, g.s.groups[n+1].post
	b, err := g.read(from, to)
	if err != nil {
		return err
	}
	last := len(b) - sumSize
	if len(b) != int(to-from) || last < 0 || binary.LittleEndian.Uint32(b[last:]) != checksum(b[:last]) {
		return fmt.Errorf("postings: %w", ErrDamaged)
	}
	g.group, g.rest, g.next = n, b[:last], n*groupWords
	return nil
}

// pass reads the postings of one word, into found unless that is nil.
func (g *groupReader) pass(found Set) error {
	list, rest, err := takePostings(g.rest, len(g.s.docs))
	if err != nil {
		return err
	}
	g.rest = rest
	if found != nil {
		return list.each(func(doc uint32) { found.add(doc) })
	}
	return nil
}

// posting is the postings of one word, as they stand.
type posting struct {
	form uint64
	doc  uint32
	b    []byte
	docs int
}

// takePostings cuts the postings of one word off.
func takePostings(b []byte, docs int) (p posting, rest []byte, err error) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return p, nil, fmt.Errorf("postings: %w", ErrDamaged)
	}
	b = b[n:]
	p = posting{form: v & 3, docs: docs}
	length := uint64(0)
	switch p.form {
	case formOne:
		p.doc = uint32(v >> 2)
	case formList:
		length = v >> 2
	case formMap:
		length = uint64(docs+7) / 8
	}
	if length > uint64(len(b)) || p.form > formMap {
		return p, nil, fmt.Errorf("postings: %w", ErrDamaged)
	}
	p.b = b[:length]
	return p, b[length:], nil
}

// each calls fn for every document's ordinal, ascending.
func (p posting) each(fn func(doc uint32)) error {
	switch p.form {
	case formOne:
		if int(p.doc) >= p.docs {
			return fmt.Errorf("postings: %w", ErrDamaged)
		}
		fn(p.doc)
	case formList:
		doc := uint64(0)
		for b := p.b; len(b) > 0; doc++ {
			v, n := binary.Uvarint(b)
			if doc += v; n <= 0 || doc >= uint64(p.docs) {
				return fmt.Errorf("postings: %w", ErrDamaged)
			}
			fn(uint32(doc))
			b = b[n:]
		}
	case formMap:
		for i, c := range p.b {
			for ; c != 0; c &= c - 1 {
				doc := i*8 + trailing(c)
				if doc >= p.docs {
					return fmt.Errorf("postings: %w", ErrDamaged)
				}
				fn(uint32(doc))
			}
		}
	}
	return nil
}
