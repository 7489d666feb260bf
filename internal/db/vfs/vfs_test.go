package vfs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"posthorn/internal/db"
	"posthorn/internal/db/vfs"
)

// layer notes calls down, and fails those that fault names.
type layer struct {
	mu    sync.Mutex
	calls []string
	fault func(call string) error
}

// call notes a call and runs it.
func (l *layer) call(name, path string, do func() error) error {
	name += " " + filepath.Base(path)
	l.mu.Lock()
	l.calls = append(l.calls, name)
	fault := l.fault
	l.mu.Unlock()
	if fault != nil {
		if err := fault(name); err != nil {
			return err
		}
	}
	return do()
}

// taken gives the calls since it was asked last, the same in a row once.
func (l *layer) taken() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []string
	for _, c := range l.calls {
		if len(all) == 0 || all[len(all)-1] != c {
			all = append(all, c)
		}
	}
	l.calls = nil
	return strings.Join(all, ", ")
}

func (l *layer) failing(f func(call string) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = f
}

func (l *layer) Open(path string, do func() error) (vfs.File, error) {
	return file{l, path}, l.call("open", path, do)
}

func (l *layer) Delete(path string, _ bool, do func() error) error {
	return l.call("delete", path, do)
}

type file struct {
	of   *layer
	path string
}

func (f file) Write(p []byte, _ int64, do func([]byte) error) error {
	return f.of.call("write", f.path, func() error { return do(p) })
}

func (f file) Truncate(_ int64, do func() error) error { return f.of.call("truncate", f.path, do) }

func (f file) Sync(do func() (bool, error)) error {
	folder := false
	err := f.of.call("sync", f.path, func() (err error) {
		folder, err = do()
		return err
	})
	if folder {
		return errors.Join(err, f.of.call("sync", filepath.Dir(f.path), func() error { return nil }))
	}
	return err
}

func (f file) Close() {}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func setUp(t *testing.T) (*db.DB, *layer) {
	t.Helper()
	dir, l := filepath.Join(t.TempDir(), "data"), &layer{}
	ok(t, os.Mkdir(dir, 0o700))
	remove, err := vfs.Lay(dir, l)
	ok(t, err)
	t.Cleanup(remove)
	d, err := db.Open(t.Context(), filepath.Join(dir, "test.db"), []db.Migration{`CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)`}, db.Options{})
	ok(t, err)
	t.Cleanup(func() { d.Close() })
	return d, l
}

func insert(d *db.DB, size int) error {
	return d.Commit(context.Background(), 0, func(tx *db.Tx) error {
		_, err := tx.Exec(`INSERT INTO t (v) VALUES (?)`, make([]byte, size))
		return err
	})
}

func rows(t *testing.T, d *db.DB) (n int64) {
	t.Helper()
	ok(t, d.View(t.Context(), func(tx *db.Tx) error { return tx.Row(`SELECT count(*) FROM t`).Scan(&n) }))
	return n
}

// What SQLite does to its files is seen, in order: that it syncs the log, and the
// folder when the log is new, before a commit is answered, and the log before the
// database at a checkpoint.
func TestOrderIsSeen(t *testing.T) {
	d, l := setUp(t)
	made := l.taken()
	if !strings.Contains(made, "open test.db-wal, write test.db-wal, sync test.db-wal, sync data, write test.db-wal, sync test.db-wal") {
		t.Errorf("the database was made by %s", made)
	}
	ok(t, insert(d, 10))
	if got, want := l.taken(), "write test.db-wal, sync test.db-wal"; got != want {
		t.Errorf("a commit was %s, want %s", got, want)
	}
	ok(t, d.Close())
	if got, want := l.taken(), "sync test.db-wal, sync data, write test.db, truncate test.db, sync test.db, truncate test.db-wal"; got != want {
		t.Errorf("closing was %s, want %s", got, want)
	}
}

// A layer's errors are those of the disk to SQLite, and half a write is one.
func TestFaults(t *testing.T) {
	io := errors.New("input/output error")
	for _, c := range []struct {
		call string
		err  error
		want error
	}{
		{"write test.db-wal", unix.ENOSPC, db.ErrFull},
		{"write test.db-wal", io, nil}, // before COMMIT or in it
		{"sync test.db-wal", io, db.ErrBroken},
		{"sync test.db-wal", unix.ENOSPC, db.ErrBroken}, // what a failed sync left on the disk is not known
	} {
		t.Run(fmt.Sprint(c.call, " ", c.err), func(t *testing.T) {
			d, l := setUp(t)
			ok(t, insert(d, 10))
			l.failing(func(call string) error {
				if call == c.call {
					return c.err
				}
				return nil
			})
			err := insert(d, 10_000)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			l.failing(nil)
			if errors.Is(err, db.ErrBroken) {
				ok(t, d.Reopen(t.Context(), func() error { return nil }))
			}
			if n := rows(t, d); n != 1 {
				t.Errorf("%d rows", n)
			}
			ok(t, insert(d, 10_000))
			if n := rows(t, d); n != 2 {
				t.Errorf("%d rows", n)
			}
		})
	}
}

// A folder without a layer, and one whose layer was removed, are the operating
// system's alone.
func TestOtherFoldersPass(t *testing.T) {
	_, l := setUp(t)
	l.taken()
	d, err := db.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), []db.Migration{`CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)`}, db.Options{})
	ok(t, err)
	ok(t, insert(d, 10))
	ok(t, d.Close())
	if got := l.taken(); got != "" {
		t.Errorf("the layer of another folder was asked about %s", got)
	}
}
