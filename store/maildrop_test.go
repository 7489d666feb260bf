package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"posthorn/internal/db"
	"posthorn/store"
)

// A maildrop is opened and left without a commit: a disk that takes nothing keeps
// nobody from it.
func TestMaildropIsOpenedWithoutACommit(t *testing.T) {
	var commits atomic.Int64
	store.SetFailurePoint(func(step string) error {
		if step == db.PointCommit {
			commits.Add(1)
		}
		return nil
	})
	defer store.SetFailurePoint(nil)
	f, _ := setUpFailing(t)
	f.Halt()
	commits.Store(0)
	for range 2 {
		release, err := f.LockMaildrop(t.Context(), f.a.ID, "one")
		ok(t, err)
		release()
	}
	if n := commits.Load(); n != 0 {
		t.Errorf("%d commits", n)
	}
}

// Of many sessions that ask at once one has the maildrop.
func TestMaildropHasOneOwner(t *testing.T) {
	f := setUp(t)
	var has, most atomic.Int64
	var sessions sync.WaitGroup
	for i := range 8 {
		sessions.Go(func() {
			for range 200 {
				release, err := f.LockMaildrop(t.Context(), f.a.ID, fmt.Sprint(i))
				if err != nil {
					is(t, err, store.ErrLocked)
					continue
				}
				if n := has.Add(1); n > most.Load() {
					most.Store(n)
				}
				has.Add(-1)
				release()
			}
		})
	}
	sessions.Wait()
	if most.Load() != 1 {
		t.Errorf("%d owners at once", most.Load())
	}
}
