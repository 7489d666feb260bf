package lexicon

import (
	"bytes"
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

func trailing(c byte) int { return bits.TrailingZeros8(c) }

// Merge makes one segment of the documents of several that keep wants. No
// document may be in two of them.
func Merge(segments []Parts, keep func(id uint32) bool) (Parts, error) {
	m := merger{}
	type place struct {
		id             uint32
		segment, index int
		opaque         bool
	}
	var places []place
	for i, p := range segments {
		s, err := Open(p.Head)
		if err == nil {
			err = s.VerifyWords(p.Words)
		}
		if err != nil {
			return Parts{}, err
		}
		opaque := s.Opaque()
		for j, id := range s.docs {
			if keep(id) {
				places = append(places, place{id, i, j, opaque.Has(j)})
			}
		}
		in := newInput(s, p)
		if err := in.next(); err != nil {
			return Parts{}, err
		}
		m.inputs = append(m.inputs, in)
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.id, b.id) })
	ids, opaque := make([]uint32, len(places)), make([]bool, len(places))
	for n, p := range places {
		if n > 0 && p.id == ids[n-1] {
			return Parts{}, fmt.Errorf("document %d is in two segments: %w", p.id, ErrDamaged)
		}
		ids[n], opaque[n] = p.id, p.opaque
		m.inputs[p.segment].ordinals[p.index] = int32(n)
	}
	w := newWriter(ids, opaque)
	if err := m.run(w); err != nil {
		return Parts{}, err
	}
	return w.finish(), nil
}

type merger struct {
	inputs []*input
	docs   []uint32
}

// run writes the words of all inputs in order.
func (m *merger) run(w *writer) error {
	for {
		var least *input
		for _, in := range m.inputs {
			if !in.done && (least == nil || in.before(least)) {
				least = in
			}
		}
		if least == nil {
			return nil
		}
		field, word := least.field, least.word
		m.docs = m.docs[:0]
		for _, in := range m.inputs {
			if in.done || in.field != field || !bytes.Equal(in.word, word) {
				continue
			}
			err := in.list.each(func(doc uint32) {
				if n := in.ordinals[doc]; n >= 0 {
					m.docs = append(m.docs, uint32(n))
				}
			})
			if err == nil {
				err = in.next()
			}
			if err != nil {
				return err
			}
		}
		if len(m.docs) > 0 {
			slices.Sort(m.docs)
			w.word(field, word, m.docs)
		}
	}
}

// input walks over the words of a segment.
type input struct {
	s        *Segment
	parts    Parts
	ordinals []int32 // in the new segment; -1 for none

	at     int // in Words
	number int
	nth    int // in fields
	groups groupReader

	field Field
	word  []byte
	list  posting
	done  bool
}

func newInput(s *Segment, p Parts) *input {
	in := &input{s: s, parts: p, ordinals: make([]int32, len(s.docs)), nth: -1}
	for i := range in.ordinals {
		in.ordinals[i] = -1
	}
	in.groups = groupReader{s: s, group: -1, read: func(from, to uint32) ([]byte, error) {
		if int(to) > len(p.Postings) {
			return nil, fmt.Errorf("postings: %w", ErrDamaged)
		}
		return p.Postings[from:to], nil
	}}
	return in
}

// next steps to the next word; done when there is none.
func (in *input) next() error {
	for in.nth < 0 || in.at >= int(in.s.fields[in.nth].end) {
		if in.nth++; in.nth == len(in.s.fields) {
			in.done = true
			return nil
		}
		in.field, in.at = in.s.fields[in.nth].field, int(in.s.fields[in.nth].start)+1
	}
	n := bytes.IndexByte(in.parts.Words[in.at:], end)
	if n < 0 || in.number == in.s.words {
		return fmt.Errorf("words: %w", ErrDamaged)
	}
	in.word = in.parts.Words[in.at : in.at+n]
	in.at += n + 1
	if err := in.groups.open(in.number / groupWords); err != nil {
		return err
	}
	in.number++
	var err error
	in.list, in.groups.rest, err = takePostings(in.groups.rest, len(in.s.docs))
	return err
}

// before orders inputs by their words.
func (in *input) before(other *input) bool {
	if in.field != other.field {
		return in.field < other.field
	}
	return bytes.Compare(in.word, other.word) < 0
}
