package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/internal/db"
	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/maildir"
	"posthorn/store/storetest"
)

// failing makes the store fail on purpose.
type failing struct {
	store.Blobs
	sync  atomic.Pointer[error] // what Sync answers each batch, once
	stage atomic.Pointer[error]

	remove atomic.Pointer[error] // what Remove answers as long as it is there

	write   atomic.Pointer[error] // the same of Write
	syncAll atomic.Pointer[error] // what SyncAll answers, once
	written atomic.Int64          // how often Write was asked
}

func (f *failing) Write(k store.Key, content []byte, names []store.File) error {
	f.written.Add(1)
	if e := f.write.Load(); e != nil {
		return *e
	}
	return f.Blobs.Write(k, content, names)
}

func (f *failing) SyncAll() error {
	if e := f.syncAll.Swap(nil); e != nil {
		return *e
	}
	return f.Blobs.SyncAll()
}

func (f *failing) Sync(batches []store.Unsynced) []error {
	if e := f.sync.Swap(nil); e != nil {
		errs := make([]error, len(batches))
		for i := range errs {
			errs[i] = *e
		}
		return errs
	}
	return f.Blobs.Sync(batches)
}

func (f *failing) Stage(r io.Reader) (store.Staged, error) {
	if e := f.stage.Swap(nil); e != nil {
		return nil, *e
	}
	return f.Blobs.Stage(r)
}

func (f *failing) Remove(ctx context.Context, file store.File) error {
	if e := f.remove.Load(); e != nil {
		return *e
	}
	return f.Blobs.Remove(ctx, file)
}

func setUpFailing(t *testing.T, log ...*slog.Logger) (*fixture, *failing) {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir()}
	blobs := &failing{Blobs: maildir.New(f.dir)}
	var o store.Options
	if len(log) > 0 {
		o.Log = log[0]
	}
	st, err := store.Open(t.Context(), f.dir, blobs, o)
	ok(t, err)
	t.Cleanup(func() { st.Close() })
	f.Store = st
	ok(t, f.AddDomain(t.Context(), store.Domain{Name: "example.test", Admin: "admin@example.test"}))
	f.a = f.account("alice", store.Quota{})
	return f, blobs
}

// big is content that syncs its own file.
var big = "Subject: large\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 1000)

func (f *fixture) commit(b *store.Blob) error {
	_, err := f.Commit(f.t.Context(), store.Change{Append: []store.Incoming{{Blob: b, Account: f.a.ID}}})
	return err
}

func (f *fixture) messages() int64 {
	f.t.Helper()
	b, err := f.box("INBOX").Box(f.t.Context())
	ok(f.t, err)
	return b.Messages
}

// mended waits until the store takes a message again.
func (f *fixture) mended() {
	f.t.Helper()
	for range 1000 {
		if err := f.commit(f.put(hello)); err == nil {
			return
		}
		time.Sleep(time.Millisecond) // the mender runs by itself; the commit is what is waited for
	}
	f.t.Fatal("the store takes no message")
}

// S2: after a sync that failed nothing of the batch is answered with success,
// and nothing of it stays.
func TestFailedSyncIsNoSuccess(t *testing.T) {
	f, blobs := setUpFailing(t)
	disk := errors.New("input/output error")
	blobs.sync.Store(&disk)
	b := f.put(big)
	err := f.commit(b)
	is(t, err, disk)
	is(t, err, db.ErrBroken)
	f.Discard(b)
	f.mended()
	if n := f.messages(); n != 1 {
		t.Errorf("%d messages", n)
	}
	f.clean(t)
}

// A full disk fails the message that met it; the next one is tried again.
func TestFullDiskIsNoSpace(t *testing.T) {
	f, blobs := setUpFailing(t)
	full := store.ErrNoSpace
	blobs.sync.Store(&full)
	b := f.put(big)
	is(t, f.commit(b), store.ErrNoSpace)
	ok(t, f.commit(b)) // the same blob, once there is space
	blobs.stage.Store(&full)
	_, err := f.Put(t.Context(), &mail.Mail{Content: mail.Bytes(big)})
	is(t, err, store.ErrNoSpace)
	f.clean(t)
}

// A COMMIT of unknown outcome: its content stays until the database has been
// reopened and says that there is no row (S1, S3).
func TestFailedCommitIsUndoneOnce(t *testing.T) {
	var fail atomic.Bool
	disk := errors.New("input/output error")
	store.SetFailurePoint(func(step string) error {
		if step == db.PointCommit && fail.Load() {
			return disk
		}
		return nil
	})
	defer store.SetFailurePoint(nil)
	f, _ := setUpFailing(t)
	b := f.put(hello)
	fail.Store(true)
	is(t, f.commit(b), db.ErrBroken) // its own COMMIT, or it came after the mirror's
	fail.Store(false)
	f.Discard(b)
	f.mended()
	if n := f.messages(); n != 1 {
		t.Errorf("%d messages", n)
	}
	f.clean(t)
}

// clean holds the invariants, and that nothing is left in staging.
func (f *fixture) clean(t *testing.T) {
	t.Helper()
	for range 1000 { // the mender clears staging by itself
		left, err := filepath.Glob(filepath.Join(f.dir, "tmp", "*"))
		ok(t, err)
		if len(left) == 0 {
			storetest.Clean(t, f.Store)
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("content is left in staging")
}

// A COMMIT that failed and happened all the same: its content stays, whole (S3).
func TestFailedCommitThatHappened(t *testing.T) {
	var fail atomic.Bool
	store.SetFailurePoint(func(step string) error {
		if step == db.PointCommitted && fail.Swap(false) {
			return fmt.Errorf("input/output error: %w", db.ErrBroken)
		}
		return nil
	})
	defer store.SetFailurePoint(nil)
	f, _ := setUpFailing(t)
	f.Halt() // no commit but ours meets the fault
	b := f.put(hello)
	fail.Store(true)
	is(t, f.commit(b), db.ErrBroken)
	f.Discard(b)
	f.mended()
	if n := f.messages(); n != 2 {
		t.Errorf("%d messages, want the one that failed and happened, and the one after it", n)
	}
	f.clean(t)
}

// After a failed sync every write is refused until the invariants have been
// looked at; what is found wrong is told to the log, with what to do, and holds
// up nobody.
func TestStoreIsCheckedBeforeItWritesAgain(t *testing.T) {
	var j journal
	f, blobs := setUpFailing(t, j.log())
	ok(t, f.Damage(t.Context(), `UPDATE mailboxes SET messages = 7 WHERE name = 'Sent'`))
	ok(t, f.Damage(t.Context(), `UPDATE accounts SET used_bytes = 7`))
	disk := errors.New("input/output error")
	blobs.sync.Store(&disk)
	is(t, f.commit(f.put(big)), db.ErrBroken)
	f.mended()
	for line, want := range map[string]int{
		"a write failed; every write is refused":     1,
		`error="sync`:                                0,
		"input/output error":                         1,
		"invariant=S6":                               1,
		"invariant=S7":                               1,
		"do=\"run `posthorn check --fix`\"":          2,
		"was reopened and checked, and writes again": 1,
	} {
		if n := j.count(line); n != want {
			t.Errorf("%q is %d times in the log:\n%s", line, n, &j.b)
		}
	}
	_, err := f.Check(t.Context(), true, nil)
	ok(t, err)
	f.clean(t)
}

// While the disk cannot be read nothing is written, and when it can the store
// comes back without being asked.
func TestStoreComesBackByItself(t *testing.T) {
	var j journal
	f, blobs := setUpFailing(t, j.log())
	disk := errors.New("input/output error")
	blobs.remove.Store(&disk) // ending the failed commit fails, and so does the mend
	blobs.sync.Store(&disk)
	is(t, f.commit(f.put(big)), db.ErrBroken)
	for range 3 {
		is(t, f.commit(f.put(hello)), db.ErrBroken)
	}
	blobs.remove.Store(nil)
	for range 2000 { // nothing is written: the mender's own retry is what is waited for
		if j.count("writes again") > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	ok(t, f.commit(f.put(hello)))
	f.clean(t)
}
