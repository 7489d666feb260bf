package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"posthorn/internal/db"
	"posthorn/store"
)

// A maildrop is free when its session has gone, also when the store failed just
// then, and when it failed while the lease was taken and took it all the same.
func TestMaildropIsFreeAfterAFault(t *testing.T) {
	var at atomic.Value
	at.Store("")
	store.SetFailurePoint(func(step string) error {
		if at.CompareAndSwap(step, "") {
			return fmt.Errorf("input/output error: %w", db.ErrBroken)
		}
		return nil
	})
	defer store.SetFailurePoint(nil)
	f, _ := setUpFailing(t)
	f.Halt() // no commit but ours meets the fault
	lock := func() func() {
		t.Helper()
		release, err := f.LockMaildrop(t.Context(), f.a.ID, "one")
		ok(t, err)
		return release
	}
	release := lock()
	at.Store(db.PointCommit)
	release()
	f.mended()
	release = lock()
	_, err := f.LockMaildrop(t.Context(), f.a.ID, "another")
	is(t, err, store.ErrLocked)
	release()
	at.Store(db.PointCommitted)
	_, err = f.LockMaildrop(t.Context(), f.a.ID, "one")
	is(t, err, db.ErrBroken)
	f.mended()
	lock()()
	f.clean(t)
}
