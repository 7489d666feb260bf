package powercut

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// inode is what a disk has of a file or folder.
type inode struct {
	names   map[string]int // of a folder; nil for a file
	data    []byte
	changed int64 // time, in nanoseconds
}

// Replay goes through a log and knows at each point what is on the disk for
// sure, and which calls may have reached it.
type Replay struct {
	log   *Log
	model Model
	seed  uint64
	at    int // entries taken

	sure  map[int]*inode
	names []int         // entries that changed names and may be missing, in order
	data  map[int][]int // the same by file: writes, truncates, times
}

// NewReplay begins before the first entry. The seed decides what a failed sync
// has left.
func NewReplay(l *Log, m Model, seed uint64) *Replay {
	r := &Replay{log: l, model: m, seed: seed, sure: make(map[int]*inode, len(l.base)), data: make(map[int][]int)}
	for number, n := range l.base {
		own := &inode{changed: n.changed, data: slices.Clone(n.data)}
		if n.names != nil {
			own.names = make(map[string]int, len(n.names))
			for name, of := range n.names {
				own.names[name] = of
			}
		}
		r.sure[number] = own
	}
	return r
}

// To takes the entries before a cut, which must not be before the last one.
func (r *Replay) To(cut int) {
	for ; r.at < cut; r.at++ {
		r.take(r.at)
		if old := r.at - WrittenBack; old >= 0 {
			r.writeBack(old)
		}
	}
}

func (r *Replay) take(i int) {
	e := &r.log.entries[i]
	switch e.kind {
	case makes:
		n := &inode{}
		if e.folder {
			n.names = make(map[string]int)
		}
		r.sure[e.node] = n
		r.names = append(r.names, i)
	case links, unlinks, renames:
		r.names = append(r.names, i)
	case writes, truncates, times:
		r.data[e.node] = append(r.data[e.node], i)
	case syncs:
		r.synced(e.node, e.began)
	case syncsAll:
		r.namesUpTo(e.began)
		for n := range r.data { // each call may take its entry away
			r.dataUpTo(n, e.began)
		}
	case fails:
		r.spoil(e.node, e.began, i)
	case failsAll:
		for _, n := range slices.Sorted(maps.Keys(r.data)) {
			if !slices.Contains(e.open, n) {
				r.spoil(n, e.began, i)
			}
		}
	}
}

// synced makes durable what a sync that began at an entry covers.
func (r *Replay) synced(number, began int) {
	if r.model == Journaled {
		last := -1
		for _, i := range r.names {
			if i < began && r.log.entries[i].touches(number) {
				last = i
			}
		}
		for _, i := range r.data[number] { // a size is in the journal too
			if i < began {
				last = max(last, i)
			}
		}
		r.namesUpTo(last + 1)
	} else {
		r.namesOf(number, began)
	}
	r.dataUpTo(number, began)
}

// namesUpTo makes all changes of names before an entry durable.
func (r *Replay) namesUpTo(end int) {
	n, _ := slices.BinarySearch(r.names, end)
	for _, i := range r.names[:n] {
		apply(r.sure, &r.log.entries[i])
	}
	r.names = append(r.names[:0], r.names[n:]...)
}

// namesOf makes the changes of names in a folder durable, with those before them
// that were about the same names.
func (r *Replay) namesOf(folder, before int) {
	wanted := make(map[entryName]bool) // names of which an earlier change must be taken too
	keep := make([]bool, len(r.names))
	for k := len(r.names) - 1; k >= 0; k-- {
		i := r.names[k]
		e := &r.log.entries[i]
		from, to := e.entryNames()
		covered := i < before && (e.dir == folder || e.kind == renames && e.toDir == folder) || wanted[from] || wanted[to]
		if keep[k] = !covered; covered {
			wanted[from], wanted[to] = true, true
		}
	}
	left := r.names[:0]
	for k, i := range r.names {
		if keep[k] {
			left = append(left, i)
		} else {
			apply(r.sure, &r.log.entries[i])
		}
	}
	r.names = left
}

// entryName is a name in a folder.
type entryName struct {
	dir  int
	name string
}

// entryNames are those an entry changes: both are the same when it is one.
func (e *entry) entryNames() (from, to entryName) {
	from = entryName{e.dir, e.name}
	if to = from; e.kind == renames {
		to = entryName{e.toDir, e.toName}
	}
	return from, to
}

// dataUpTo makes the octets of a file durable, as far as they were written before
// an entry.
func (r *Replay) dataUpTo(number, end int) {
	pending := r.data[number]
	n, _ := slices.BinarySearch(pending, end)
	for _, i := range pending[:n] {
		r.sure[number].write(&r.log.entries[i])
	}
	if n == len(pending) {
		delete(r.data, number)
		return
	}
	r.data[number] = append(pending[:0], pending[n:]...)
}

// spoil decides what a failed sync has left: some sectors of what it should have
// written, which nothing tells from the others.
func (r *Replay) spoil(number, began, at int) {
	pending := r.data[number]
	n, _ := slices.BinarySearch(pending, began)
	if n == 0 {
		return
	}
	c := choice{rng: rand.New(rand.NewPCG(r.seed, uint64(at))), unit: sector}
	c.size = c.rng.IntN(n + 1)
	in := r.sure[number]
	in.data = c.survive(r.log, in.data, pending[:n])
	if n == len(pending) {
		delete(r.data, number)
		return
	}
	r.data[number] = append(pending[:0], pending[n:]...)
}

// writeBack makes one old entry durable: by the kernel, unasked.
func (r *Replay) writeBack(old int) {
	e := &r.log.entries[old]
	switch {
	case e.named() && r.model == Journaled:
		r.namesUpTo(old + 1)
	case e.named():
		r.namesOf(e.dir, old+1)
	case e.kind == writes || e.kind == truncates || e.kind == times:
		r.dataUpTo(e.node, old+1)
	}
}

// apply changes names.
func apply(in map[int]*inode, e *entry) {
	dir := in[e.dir]
	switch e.kind {
	case makes, links:
		dir.names[e.name] = e.node
	case unlinks:
		delete(dir.names, e.name)
	case renames:
		delete(dir.names, e.name)
		in[e.toDir].names[e.toName] = e.node
	}
}

// write changes octets.
func (n *inode) write(e *entry) {
	switch e.kind {
	case writes:
		n.data = grown(n.data, int(e.at)+len(e.data))
		copy(n.data[e.at:], e.data)
	case truncates:
		n.data = grown(n.data, int(e.at))[:e.at]
	case times:
		n.changed = e.at
	}
}

// grown gives data a size of at least n, with zeros.
func grown(data []byte, n int) []byte {
	if len(data) >= n {
		return data
	}
	old := len(data)
	data = slices.Grow(data, n-old)[:n]
	clear(data[old:])
	return data
}
