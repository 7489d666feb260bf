package lexicon

import (
	"encoding/binary"
	"hash/crc32"
)

// Parts are a segment as it is kept. Head is small and needed first; Words is
// what a query looks through; of Postings it reads ranges.
type Parts struct {
	Head, Words, Postings []byte
}

// Size is the number of octets in all parts.
func (p Parts) Size() int { return len(p.Head) + len(p.Words) + len(p.Postings) }

// The form of a segment. Numbers are unsigned varints unless said otherwise.
//
// Words: the checksum of the rest, 4 octets. For each field an end octet, then
// each word in ascending order with an end octet behind it.
//
// Postings: for each group of groupWords words its postings in their order, and
// the checksum of these, 4 octets. Postings of one word begin with a number whose
// two low bits are the form: formOne, the document's ordinal follows in the
// number; formList, the number is the length of a list of ordinals, the first
// and then differences less one; formMap, a bitmap follows.
//
// Head: the checksum of the rest, 4 octets; formVersion; the number of
// documents, their ids (the first, then differences); the number of opaque ones
// and their ordinals; the number of words; fields: their number, for each the
// field, the length of its words and how many these are; for each group the
// length of its words and of its postings.
const (
	formVersion = 1
	groupWords  = 32

	formOne  = 0
	formList = 1
	formMap  = 2

	sumSize = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// seal fills the checksum in that was left room for at the start.
func seal(b []byte) []byte {
	binary.LittleEndian.PutUint32(b, checksum(b[sumSize:]))
	return b
}

// writer puts a segment together from words in order.
type writer struct {
	head, words, postings []byte

	bitmap int // octets of one
	groups []byte
	fields []byte
	count  int // words

	inGroup             int
	groupWord, groupPos int // where the group began

	field                 int // the current one, -1 before the first
	fieldStart, fieldWord int
	fieldCount            int
	list                  []byte
}

func newWriter(docs []uint32, opaque []bool) *writer {
	w := &writer{field: -1, bitmap: (len(docs) + 7) / 8}
	w.words = make([]byte, sumSize)
	w.groupWord = sumSize
	w.head = append(make([]byte, sumSize), formVersion)
	w.head = binary.AppendUvarint(w.head, uint64(len(docs)))
	before := uint32(0)
	for _, id := range docs {
		w.head = binary.AppendUvarint(w.head, uint64(id-before))
		before = id
	}
	var ordinals []uint64
	for i, o := range opaque {
		if o {
			ordinals = append(ordinals, uint64(i))
		}
	}
	w.head = binary.AppendUvarint(w.head, uint64(len(ordinals)))
	for _, o := range ordinals {
		w.head = binary.AppendUvarint(w.head, o)
	}
	return w
}

// word adds a word and the ordinals of its documents, ascending, at least one.
func (w *writer) word(f Field, text []byte, docs []uint32) {
	if int(f) != w.field {
		w.endField()
		w.field, w.fieldStart, w.fieldWord = int(f), len(w.words), w.count
		w.words = append(w.words, end)
	}
	w.words = append(append(w.words, text...), end)
	w.count++
	w.appendPostings(docs)
	if w.inGroup++; w.inGroup == groupWords {
		w.endGroup()
	}
}

func (w *writer) appendPostings(docs []uint32) {
	if len(docs) == 1 {
		w.postings = binary.AppendUvarint(w.postings, uint64(docs[0])<<2|formOne)
		return
	}
	w.list = w.list[:0]
	next := uint32(0)
	for _, d := range docs {
		w.list = binary.AppendUvarint(w.list, uint64(d-next))
		next = d + 1
		if len(w.list) >= w.bitmap {
			break
		}
	}
	if len(w.list) < w.bitmap {
		w.postings = binary.AppendUvarint(w.postings, uint64(len(w.list))<<2|formList)
		w.postings = append(w.postings, w.list...)
		return
	}
	w.postings = binary.AppendUvarint(w.postings, formMap)
	at := len(w.postings)
	w.postings = append(w.postings, make([]byte, w.bitmap)...)
	for _, d := range docs {
		w.postings[at+int(d>>3)] |= 1 << (d & 7)
	}
}

func (w *writer) endGroup() {
	if w.inGroup == 0 {
		return
	}
	w.postings = binary.LittleEndian.AppendUint32(w.postings, checksum(w.postings[w.groupPos:]))
	w.groups = binary.AppendUvarint(w.groups, uint64(len(w.words)-w.groupWord))
	w.groups = binary.AppendUvarint(w.groups, uint64(len(w.postings)-w.groupPos))
	w.inGroup, w.groupWord, w.groupPos = 0, len(w.words), len(w.postings)
}

func (w *writer) endField() {
	if w.field < 0 {
		return
	}
	w.fields = binary.AppendUvarint(w.fields, uint64(w.field))
	w.fields = binary.AppendUvarint(w.fields, uint64(len(w.words)-w.fieldStart))
	w.fields = binary.AppendUvarint(w.fields, uint64(w.count-w.fieldWord))
	w.fieldCount++
}

func (w *writer) finish() Parts {
	w.endGroup()
	w.endField()
	w.head = binary.AppendUvarint(w.head, uint64(w.count))
	w.head = binary.AppendUvarint(w.head, uint64(w.fieldCount))
	w.head = append(w.head, w.fields...)
	w.head = append(w.head, w.groups...)
	return Parts{seal(w.head), seal(w.words), w.postings}
}
