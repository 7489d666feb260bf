package lexicon

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"
)

// Field is what a text is of. The words of one are not found in another.
type Field uint8

// Bounds of a builder. A document with more than maxDistinct octets of distinct
// words is opaque: its words would be a copy of it.
const (
	maxDistinct = 512 << 10
	fullWords   = 8 << 20 // octets of words
	fullPosts   = 1 << 20
)

// Builder gathers documents into a segment. The zero Builder is empty.
type Builder struct {
	docs   []uint32
	opaque []bool

	seed  maphash.Seed
	slots []uint32 // into words, plus one; a power of two, at most half full
	words []entry
	arena []byte
	posts []post

	fresh int // octets of words that the newest document has and none before had
}

// entry is a word of one field.
type entry struct {
	hash   uint64
	off    uint32 // in the arena
	length uint16
	field  Field
	last   uint32 // ordinal of the newest document that has it
}

// post says that a document has a word.
type post struct{ word, doc uint32 }

// Document begins a document. Ids must ascend.
func (b *Builder) Document(id uint32) {
	b.docs = append(b.docs, id)
	b.opaque = append(b.opaque, false)
	b.fresh = 0
}

// Opaque says that the text of the document is not all in the segment: every
// query has it as a candidate.
func (b *Builder) Opaque() { b.opaque[len(b.opaque)-1] = true }

// Text adds text to a field of the document. A word does not go on from one
// call to the next.
func (b *Builder) Text(f Field, text []byte) {
	eachWord(text, func(w []byte) {
		if b.fresh <= maxDistinct {
			b.add(f, w)
		}
	})
	if b.fresh > maxDistinct {
		b.Opaque()
	}
}

// Len is the number of documents.
func (b *Builder) Len() int { return len(b.docs) }

// Full tells whether the builder has grown as large as it should.
func (b *Builder) Full() bool { return len(b.arena) >= fullWords || len(b.posts) >= fullPosts }

func (b *Builder) add(f Field, w []byte) {
	if 2*len(b.words) >= len(b.slots) {
		b.grow()
	}
	doc := uint32(len(b.docs) - 1)
	h := maphash.Bytes(b.seed, w) + uint64(f)*0x9e3779b97f4a7c15
	mask := uint64(len(b.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		n := b.slots[i]
		if n == 0 {
			b.slots[i] = uint32(len(b.words) + 1)
			b.posts = append(b.posts, post{uint32(len(b.words)), doc})
			b.words = append(b.words, entry{h, uint32(len(b.arena)), uint16(len(w)), f, doc})
			b.arena = append(b.arena, w...)
			b.fresh += len(w)
			return
		}
		e := &b.words[n-1]
		if e.hash == h && e.field == f && bytes.Equal(b.text(e), w) {
			if e.last != doc {
				e.last = doc
				b.posts = append(b.posts, post{n - 1, doc})
			}
			return
		}
	}
}

func (b *Builder) text(e *entry) []byte { return b.arena[e.off : e.off+uint32(e.length)] }

func (b *Builder) grow() {
	if b.slots == nil {
		b.seed = maphash.MakeSeed()
	}
	b.slots = make([]uint32, max(1<<12, 4*len(b.slots)))
	mask := uint64(len(b.slots) - 1)
	for n := range b.words {
		i := b.words[n].hash & mask
		for b.slots[i] != 0 {
			i = (i + 1) & mask
		}
		b.slots[i] = uint32(n + 1)
	}
}

// Seal gives the segment of all documents and empties the builder.
func (b *Builder) Seal() Parts {
	order := b.order()
	// The documents of each word, beside each other: posts are in the order of
	// documents.
	starts := make([]uint32, len(b.words)+1)
	for _, p := range b.posts {
		starts[p.word+1]++
	}
	for i := range b.words {
		starts[i+1] += starts[i]
	}
	docs := make([]uint32, len(b.posts))
	next := slices.Clone(starts)
	for _, p := range b.posts {
		docs[next[p.word]] = p.doc
		next[p.word]++
	}
	w := newWriter(b.docs, b.opaque)
	for _, ranked := range order {
		i := ranked.word
		e := &b.words[i]
		w.word(e.field, b.text(e), docs[starts[i]:starts[i+1]])
	}
	b.Reset()
	return w.finish()
}

// ranked is a word with the first of its octets, which decide nearly always.
type ranked struct {
	first uint64
	word  uint32
}

// order gives the words by field and then by octets.
func (b *Builder) order() []ranked {
	order := make([]ranked, len(b.words))
	for i := range b.words {
		var first [8]byte
		copy(first[1:], b.text(&b.words[i]))
		first[0] = byte(b.words[i].field)
		order[i] = ranked{binary.BigEndian.Uint64(first[:]), uint32(i)}
	}
	slices.SortFunc(order, func(x, y ranked) int {
		if c := cmp.Compare(x.first, y.first); c != 0 {
			return c
		}
		return bytes.Compare(b.text(&b.words[x.word]), b.text(&b.words[y.word]))
	})
	return order
}

// Reset empties the builder and keeps its memory.
func (b *Builder) Reset() {
	clear(b.slots)
	b.docs, b.opaque = b.docs[:0], b.opaque[:0]
	b.words, b.arena, b.posts = b.words[:0], b.arena[:0], b.posts[:0]
}
