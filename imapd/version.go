package imapd

import (
	"math"
	"slices"
	"sort"
	"sync/atomic"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// chunkRows is how many messages a chunk holds. A change copies the chunks it
// touches (24 KiB each) and shares the others.
const chunkRows = 1024

// version is what a mailbox held at one moment. It is immutable; versions
// share the chunks they have in common.
type version struct {
	at     store.ModSeq
	box    store.Box // its Keywords name the flags' bits
	chunks [][]store.Row
	starts []uint32 // messages before each chunk
	count  uint32
	unseen atomic.Uint32 // firstUnseen and one; 0 when nobody has asked
}

func newVersion(at store.ModSeq, box store.Box, chunks [][]store.Row) *version {
	v := &version{at: at, box: box, chunks: chunks, starts: make([]uint32, len(chunks))}
	for i, c := range chunks {
		v.starts[i] = v.count
		v.count += uint32(len(c))
	}
	return v
}

// row is the message with the number n, 1 to count.
func (v *version) row(n uint32) store.Row {
	i := sort.Search(len(v.starts), func(i int) bool { return v.starts[i] >= n }) - 1
	return v.chunks[i][n-1-v.starts[i]]
}

// below is how many messages have a UID less than u.
func (v *version) below(u store.UID) uint32 {
	i := sort.Search(len(v.chunks), func(i int) bool { return v.chunks[i][0].UID >= u })
	if i == 0 {
		return 0
	}
	c := v.chunks[i-1]
	n, _ := slices.BinarySearchFunc(c, u, compareUID)
	return v.starts[i-1] + uint32(n)
}

func compareUID(r store.Row, u store.UID) int { return int(int64(r.UID) - int64(u)) }

// number is the message number of a UID.
func (v *version) number(u store.UID) (n uint32, ok bool) {
	n = v.below(u) + 1
	return n, n <= v.count && v.row(n).UID == u
}

// last is the largest UID, 0 when there is no message.
func (v *version) last() store.UID {
	if v.count == 0 {
		return 0
	}
	return v.row(v.count).UID
}

// each calls fn for the messages whose numbers are in the ranges (ascending,
// from resolve), until it gives false.
func (v *version) each(numbers []wire.Range, fn func(n uint32, r store.Row) bool) {
	for _, r := range numbers {
		i := sort.Search(len(v.starts), func(i int) bool { return v.starts[i] >= r.A }) - 1
		for n := r.A; n <= r.B; i++ {
			for _, row := range v.chunks[i][n-1-v.starts[i]:] {
				if n > r.B {
					break
				}
				if !fn(n, row) {
					return
				}
				n++
			}
		}
	}
}

// where gives those of the messages for which is holds.
func (v *version) where(numbers []wire.Range, is func(store.Row) bool) []wire.Range {
	var out []uint32
	v.each(numbers, func(n uint32, r store.Row) bool {
		if is(r) {
			out = append(out, n)
		}
		return true
	})
	return wire.Compact(out)
}

// all is the range of every message.
func (v *version) all() []wire.Range {
	if v.count == 0 {
		return nil
	}
	return []wire.Range{{A: 1, B: v.count}}
}

// uids gives the UIDs of message numbers.
func (v *version) uids(numbers []wire.Range) []store.UID {
	var out []store.UID
	v.each(numbers, func(_ uint32, r store.Row) bool {
		out = append(out, r.UID)
		return true
	})
	return out
}

// apply is the version after changes.
func (v *version) apply(ch store.Changes) *version {
	rows, expunged := ch.Rows, ch.Expunged
	var chunks [][]store.Row
	for i, c := range v.chunks {
		// What belongs to this chunk has a UID below the next one's; to
		// the last one belongs the rest.
		r, e := len(rows), len(expunged)
		if i+1 < len(v.chunks) {
			next := v.chunks[i+1][0].UID
			r, _ = slices.BinarySearchFunc(rows, next, compareUID)
			e = sort.Search(len(expunged), func(i int) bool { return expunged[i].First >= next })
		}
		if r > 0 || e > 0 {
			c = merge(c, rows[:r], expunged[:e])
		}
		chunks = appendChunk(chunks, c)
		if e > 0 && i+1 < len(v.chunks) && expunged[e-1].Last >= v.chunks[i+1][0].UID {
			e-- // it goes on in the next one
		}
		rows, expunged = rows[r:], expunged[e:]
	}
	if len(rows) > 0 { // the mailbox was empty
		chunks = appendChunk(chunks, merge(nil, rows, expunged))
	}
	return newVersion(ch.At, ch.Box, chunks)
}

// merge gives old with the new state of rows in it and without expunged. All
// are ascending.
func merge(old, rows []store.Row, expunged []store.UIDRange) []store.Row {
	out := make([]store.Row, 0, len(old)+len(rows))
	for len(rows) > 0 || len(expunged) > 0 {
		if len(rows) == 0 || len(expunged) > 0 && expunged[0].First <= rows[0].UID {
			gone := expunged[0]
			expunged = expunged[1:]
			n := rowsBelow(old, gone.First)
			out, old = append(out, old[:n]...), old[n:]
			if gone.Last == math.MaxUint32 {
				return out
			}
			old, rows = old[rowsBelow(old, gone.Last+1):], rows[rowsBelow(rows, gone.Last+1):]
			continue
		}
		n := rowsBelow(old, rows[0].UID)
		out, old = append(append(out, old[:n]...), rows[0]), old[n:]
		if len(old) > 0 && old[0].UID == rows[0].UID {
			old = old[1:]
		}
		rows = rows[1:]
	}
	return append(out, old...)
}

// rowsBelow is how many of rows, which are ascending, have a UID less than u.
func rowsBelow(rows []store.Row, u store.UID) int {
	if len(rows) == 0 || rows[0].UID >= u { // changes that follow each other
		return 0
	}
	n, _ := slices.BinarySearchFunc(rows, u, compareUID)
	return n
}

// appendChunk adds rows to chunks: nothing for none, joined to the last chunk
// where both are small, in several chunks where there are too many.
func appendChunk(chunks [][]store.Row, rows []store.Row) [][]store.Row {
	if n := len(chunks); n > 0 && len(rows) > 0 && len(chunks[n-1])+len(rows) <= chunkRows/2 {
		chunks[n-1] = append(slices.Clip(chunks[n-1]), rows...)
		return chunks
	}
	for len(rows) > chunkRows {
		chunks = append(chunks, rows[:chunkRows:chunkRows])
		rows = rows[chunkRows:]
	}
	if len(rows) > 0 {
		chunks = append(chunks, rows)
	}
	return chunks
}

// difference is what a client that was told one version must be told to
// arrive at another.
type difference struct {
	expunged []uint32 // message numbers of the old version, ascending
	changed  []uint32 // message numbers of the new version that differ
	added    uint32
}

// diff compares two versions of one mailbox. Chunks they share cost nothing.
// With modseqs, messages whose modification sequences differ have changed, even
// if their flags are the same again.
func diff(old, new *version, modseqs bool) (d difference) {
	a, b := cursor{v: old}, cursor{v: new}
	for {
		if a.chunk < len(old.chunks) && b.chunk < len(new.chunks) && a.row == 0 && b.row == 0 && same(old.chunks[a.chunk], new.chunks[b.chunk]) {
			a.chunk++
			b.chunk++
			continue
		}
		if n := alike(a.rest(), b.rest()); n > 0 {
			a.skip(n)
			b.skip(n)
			continue
		}
		x, y := a.get(), b.get()
		switch {
		case x == nil && y == nil:
			return d
		case y == nil || x != nil && x.UID < y.UID:
			d.expunged = append(d.expunged, a.number())
			a.next()
		case x == nil || x.UID > y.UID:
			d.added++
			b.next()
		default:
			if x.Flags != y.Flags || modseqs && x.ModSeq != y.ModSeq {
				d.changed = append(d.changed, b.number())
			}
			a.next()
			b.next()
		}
	}
}

// alike is how many rows at the beginning of both are the same.
func alike(a, b []store.Row) (n int) {
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

func same(a, b []store.Row) bool { return len(a) == len(b) && &a[0] == &b[0] }

// cursor walks over a version.
type cursor struct {
	v          *version
	chunk, row int
}

func (c *cursor) get() *store.Row {
	if c.chunk == len(c.v.chunks) {
		return nil
	}
	return &c.v.chunks[c.chunk][c.row]
}

func (c *cursor) next() { c.skip(1) }

// rest is what is left of the chunk, and skip goes on by n rows of it.
func (c *cursor) rest() []store.Row {
	if c.chunk == len(c.v.chunks) {
		return nil
	}
	return c.v.chunks[c.chunk][c.row:]
}

func (c *cursor) skip(n int) {
	if c.row += n; c.row == len(c.v.chunks[c.chunk]) {
		c.chunk, c.row = c.chunk+1, 0
	}
}

func (c *cursor) number() uint32 { return c.v.starts[c.chunk] + uint32(c.row) + 1 }
