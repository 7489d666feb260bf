package maildir

import (
	"sync"

	"posthorn/store"
)

// seen remembers the paths of files that are not where they should be: names
// follow flags, and files follow a move, only after a while, and until then are
// asked for several times. A path may be wrong: who follows it finds the file, or
// drops it and looks again.
type seen struct {
	mu    sync.Mutex
	paths map[keyIn]string
}

// keyIn names a file, wherever in its account it is.
type keyIn struct {
	dir string
	key store.Key
}

// maxSeen bounds it, to about a megabyte. What is over that begins anew.
const maxSeen = 4096

// get is "" for a file that is not remembered.
func (s *seen) get(f store.File) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paths[keyIn{f.Dir, f.Key}]
}

func (s *seen) note(f store.File, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paths == nil || len(s.paths) >= maxSeen {
		s.paths = make(map[keyIn]string)
	}
	s.paths[keyIn{f.Dir, f.Key}] = path
}

func (s *seen) drop(f store.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.paths, keyIn{f.Dir, f.Key})
}

// Expect remembers that a file is where f says.
func (b *Blobs) Expect(f store.File) { b.seen.note(f, b.path(f, f.Info)) }
