package store_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/internal/db"
	"posthorn/store"
	"posthorn/store/maildir"
	"posthorn/store/storetest"
)

// looking counts the searches for files, and fails those in one account.
type looking struct {
	store.Blobs
	searches atomic.Int64
	bad      string // Dir
}

func (l *looking) Locate(ctx context.Context, dir string, wanted func(store.Key) bool) (map[store.Key]store.Found, error) {
	l.searches.Add(1)
	if l.bad != "" && dir == l.bad {
		return nil, errors.New("input/output error")
	}
	return l.Blobs.Locate(ctx, dir, wanted)
}

func setUpLooking(t *testing.T) (*fixture, *looking) {
	t.Helper()
	f := setUp(t)
	f.Halt()
	ok(t, f.Store.Close())
	l := &looking{Blobs: maildir.New(f.dir)}
	st, err := store.Open(t.Context(), f.dir, l, store.Options{})
	ok(t, err)
	t.Cleanup(func() { st.Close() })
	f.Store = st
	f.Halt()
	return f, l
}

// A queue item that cannot be marked as one with a file is tried again after a
// while, not as fast as the store refuses it.
func TestRefusedItemsWait(t *testing.T) {
	var refuse atomic.Bool
	var tries atomic.Int64
	store.SetFailurePoint(func(step string) error {
		if step == db.PointBegin && refuse.Load() {
			tries.Add(1)
			return store.ErrNoSpace
		}
		return nil
	})
	t.Cleanup(func() { store.SetFailurePoint(nil) })
	t.Cleanup(store.Hurried()) // after the store is closed
	f, _ := setUpFailing(t)
	ids := []store.ItemID{f.spool(1)}
	ok(t, f.File(t.Context()))
	refuse.Store(true)
	time.Sleep(50 * time.Millisecond) // whatever else was under way
	refuse.Store(false)
	ids = append(ids, f.spool(1))
	refuse.Store(true)
	before := tries.Load()
	time.Sleep(300 * time.Millisecond)
	if n := tries.Load() - before; n > 10 {
		t.Errorf("%d commits were tried within 300 ms", n)
	}
	refuse.Store(false)
	ok(t, f.File(t.Context()))
	for _, id := range ids {
		f.settle(id)
	}
	f.purge(time.Now())
	f.unfiled(0)
	f.clean(t)
}

// The folders of one account that cannot be read hold up no other's content.
func TestOneAccountHoldsUpNoOthersFiles(t *testing.T) {
	f, l := setUpLooking(t)
	bob := f.account("bob", store.Quota{})
	f.deliver(hello, 0)
	_, err := f.Commit(t.Context(), store.Change{Append: []store.Incoming{{Blob: f.put(hello), Account: bob.ID}}})
	ok(t, err)
	f.Abandon() // as a kill leaves it: there may be files
	l.bad = bob.Dir
	st, err := store.Open(t.Context(), f.dir, l, store.Options{})
	ok(t, err)
	t.Cleanup(func() { st.Close() })
	f.Store = st
	f.Halt()
	f.unfiled(2)
	if err := f.File(t.Context()); err == nil {
		t.Error("nobody was told of it")
	}
	f.unfiled(1)
	f.text(f.box("INBOX"), 1)
	l.bad = ""
	ok(t, f.File(t.Context()))
	f.unfiled(0)
	storetest.Clean(t, f.Store)
}

// Files that are on the disk are not written anew because their rows could not be
// deleted.
func TestRowsThatCannotGoWait(t *testing.T) {
	var refuse atomic.Bool
	store.SetFailurePoint(func(step string) error {
		if step == db.PointBegin && refuse.Load() {
			return store.ErrNoSpace
		}
		return nil
	})
	t.Cleanup(func() { store.SetFailurePoint(nil) })
	f, blobs := setUpFailing(t)
	f.Halt()
	f.deliver(hello, 0)
	refuse.Store(true)
	for range 3 {
		is(t, f.File(t.Context()), store.ErrNoSpace)
	}
	refuse.Store(false)
	f.unfiled(1)
	f.text(f.box("INBOX"), 1)
	ok(t, f.File(t.Context()))
	f.unfiled(0)
	if n := blobs.written.Load(); n != 1 {
		t.Errorf("written %d times", n)
	}
	f.clean(t)
}

// writing is a disk on which each file takes its time.
type writing struct {
	store.Blobs
	each time.Duration
}

func (w *writing) Write(k store.Key, content []byte, names []store.File) error {
	time.Sleep(w.each)
	return w.Blobs.Write(k, content, names)
}

// The end of the store waits for filing no longer than it says, also when a crash
// has left much of it, tells how much is left, and the next start goes on.
func TestCloseLeavesFilingToTheNextStart(t *testing.T) {
	const n = 100
	t.Cleanup(store.LastFiling(200 * time.Millisecond))
	f := setUp(t)
	f.Halt()
	for range n {
		f.deliver(hello, 0)
	}
	f.Abandon()
	var said journal
	disk := &writing{maildir.New(f.dir), 20 * time.Millisecond}
	open := func() {
		var err error
		f.Store, err = store.Open(t.Context(), f.dir, disk, store.Options{Log: said.log()})
		ok(t, err)
	}
	open()
	began := time.Now()
	ok(t, f.Close())
	if took := time.Since(began); took > time.Second {
		t.Errorf("closed after %v", took)
	}
	if n := said.count("mail stays in the database until the next start files it"); n != 1 {
		t.Errorf("the log told %d times that content is left", n)
	}
	disk.each = 0
	open()
	t.Cleanup(func() { f.Close() })
	f.Halt()
	f.text(f.box("INBOX"), n)
	ok(t, f.File(t.Context()))
	f.unfiled(0)
	if found := len(f.files()); found != n {
		t.Errorf("%d files of %d", found, n)
	}
	storetest.Clean(t, f.Store)
}
