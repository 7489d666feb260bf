package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"posthorn/store"
)

// inFlight is how many syncs run at a time: the disk joins what it is asked
// together, and more brings nothing.
const inFlight = 32

// Sync makes content and names durable: every file and every folder by its own
// fsync, many at a time. An error goes to each batch that needed what failed.
func (b *Blobs) Sync(batches []store.Unsynced) []error {
	errs := make([]error, len(batches))
	run := newSyncs()
	folders := make(map[store.Place][]int)
	for i, u := range batches {
		for _, s := range u.Staged {
			if st := s.(*staged); st.f != nil {
				run.start(st.sync, i)
			}
		}
		for _, f := range u.Files {
			if in := folders[f.Place]; len(in) == 0 || in[len(in)-1] != i {
				folders[f.Place] = append(in, i)
			}
		}
	}
	for p, in := range folders {
		run.start(func() error { return b.disk.SyncFolder(b.files(p)) }, in...)
	}
	for _, f := range run.wait() {
		for _, i := range f.of {
			if errs[i] == nil {
				errs[i] = fmt.Errorf("sync: %w", kind(f.err))
			}
		}
	}
	return errs
}

// removed are the folders in which names have been removed, unsynced.
type removed struct {
	mu      sync.Mutex
	folders map[string]bool
}

func (r *removed) note(folder string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.folders == nil {
		r.folders = make(map[string]bool)
	}
	r.folders[folder] = true
}

func (r *removed) take() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.folders
	r.folders = nil
	return all
}

// SyncRemoved makes durable what Remove has taken away: each folder by its own
// fsync. One that is gone has nothing in it.
func (b *Blobs) SyncRemoved() error {
	run := newSyncs()
	for folder := range b.removed.take() {
		run.start(func() error {
			err := b.disk.SyncFolder(folder)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				b.removed.note(folder)
			}
			return err
		})
	}
	var errs []error
	for _, f := range run.wait() {
		errs = append(errs, kind(f.err))
	}
	if len(errs) > 0 {
		return fmt.Errorf("sync removed: %w", errors.Join(errs...))
	}
	return nil
}

// syncs runs many at a time and gathers what failed.
type syncs struct {
	slots  chan struct{}
	all    sync.WaitGroup
	mu     sync.Mutex
	failed []failure
}

type failure struct {
	err error
	of  []int // batches
}

func newSyncs() *syncs { return &syncs{slots: make(chan struct{}, inFlight)} }

func (s *syncs) start(do func() error, of ...int) {
	s.slots <- struct{}{}
	s.all.Go(func() {
		defer func() { <-s.slots }()
		if err := do(); err != nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.failed = append(s.failed, failure{err, of})
		}
	})
}

func (s *syncs) wait() []failure {
	s.all.Wait()
	return s.failed
}
