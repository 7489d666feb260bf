package store

import "hash/maphash"

// sizes is what check keeps of an account's files while it compares them with
// rows: the size of each, by its key, in some 30 octets, since there may be a
// million in one mailbox. Keys are there by their hash: two with the same one
// look like a file of two names, and what looks wrong is looked at again.
type sizes struct {
	seed maphash.Seed
	of   map[uint64]int64
}

// severalFiles is the size of what has more than one.
const severalFiles = -1

func newSizes() *sizes { return &sizes{maphash.MakeSeed(), make(map[uint64]int64)} }

func (s *sizes) hash(k Key) uint64 { return maphash.String(s.seed, string(k)) }

func (s *sizes) add(f Found) {
	h := s.hash(f.Key)
	if _, twice := s.of[h]; twice {
		s.of[h] = severalFiles
	} else {
		s.of[h] = f.Real
	}
}

// take gives the size of a key's file, and forgets it.
func (s *sizes) take(k Key) (size int64, there bool) {
	h := s.hash(k)
	size, there = s.of[h]
	delete(s.of, h)
	return size, there
}

func (s *sizes) has(k Key) bool {
	_, has := s.of[s.hash(k)]
	return has
}

// clear lets go of a map that has been large: it takes as long to clear as it once
// was large, and the next account's may be small.
func (s *sizes) clear() {
	s.of = make(map[uint64]int64)
}
