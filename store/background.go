package store

import (
	"context"
	"sync"
)

// background is what the store does by itself between two commits: it mirrors
// names (mirror.go), clears away what was removed (purge.go), makes what can be
// made from content (derive.go), writes claims down (recent.go) and puts content
// into files (filing.go). None is ever waited for by a commit, and all go on where
// they stopped when the process ends at any moment.
type background struct {
	stop func()
	all  sync.WaitGroup
}

// start begins the work in the background; halt ends it and waits.
func (b *background) start(s *Store) {
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	b.all.Go(func() { s.runMirror(ctx) })
	b.all.Go(func() { s.runPurge(ctx) })
	b.all.Go(func() { s.runDeriver(ctx) })
	b.all.Go(func() { s.runRecents(ctx) })
	b.all.Go(func() { s.runFiling(ctx) })
	b.all.Go(func() { s.runSyncs(ctx) })
}

func (b *background) halt() {
	if b.stop != nil {
		b.stop()
		b.all.Wait()
	}
}

// bell wakes one goroutine: rung any number of times while that is busy, it is
// heard once.
type bell struct{ c chan struct{} }

func newBell() bell { return bell{make(chan struct{}, 1)} }

func (b *bell) ring() {
	select {
	case b.c <- struct{}{}:
	default: // it has been rung already
	}
}
