package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"posthorn/internal/db"
	"posthorn/store"
	"posthorn/store/storetest"
)

// A copy of what has no file yet is filed under the name it was given: nothing
// is searched for, however much the account has.
func TestCopiedContentIsFiledWithoutASearch(t *testing.T) {
	f, l := setUpLooking(t)
	f.deliver(hello, 0)
	l.searches.Store(0)
	_, err := f.box("INBOX").Copy(t.Context(), []store.UID{1}, f.idOf("Trash"), store.AllFlags)
	ok(t, err)
	f.unfiled(2)
	ok(t, f.File(t.Context()))
	f.unfiled(0)
	if n := l.searches.Load(); n != 0 {
		t.Errorf("%d searches", n)
	}
	f.text(f.box("Trash"), 1)
	storetest.Clean(t, f.Store)
}

// A copy of unfiled content whose COMMIT failed and happened all the same is
// whole, and its room is given back once.
func TestFailedCopyThatHappened(t *testing.T) {
	var fail atomic.Bool
	store.SetFailurePoint(func(step string) error {
		if step == db.PointCommitted && fail.Swap(false) {
			return fmt.Errorf("input/output error: %w", db.ErrBroken)
		}
		return nil
	})
	t.Cleanup(func() { store.SetFailurePoint(nil) })
	f, _ := setUpFailing(t)
	f.Halt()
	f.deliver(hello, 0)
	fail.Store(true)
	_, err := f.box("INBOX").Copy(t.Context(), []store.UID{1}, f.idOf("Trash"), store.AllFlags)
	is(t, err, db.ErrBroken)
	f.text(f.box("Trash"), 1) // it can be read although nobody knows
	f.mended()
	f.text(f.box("Trash"), 1)
	ok(t, f.File(t.Context()))
	f.unfiled(0)
	f.clean(t)
}
