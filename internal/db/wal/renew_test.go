package wal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"posthorn/internal/db"
	"posthorn/internal/db/vfs"
	"posthorn/internal/db/wal"
)

var schema = []db.Migration{`CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)`}

// leftLog is a database whose process has ended at once, with a log of some
// transactions, and the log.
func leftLog(t *testing.T) (path string, log []byte) {
	t.Helper()
	dir, left := t.TempDir(), t.TempDir()
	d, err := db.Open(t.Context(), filepath.Join(dir, "test.db"), schema, db.Options{})
	ok(t, err)
	defer d.Close()
	ok(t, insert(d, 30, nil))
	for _, name := range []string{"test.db", "test.db-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		ok(t, err)
		ok(t, os.WriteFile(filepath.Join(left, name), b, 0o600))
		log = b
	}
	return filepath.Join(left, "test.db"), log
}

// renewals notes what is written to the log before its first sync, and can fail
// that.
type renewals struct {
	log    []byte
	synced bool
	fails  error
	early  bool // the database was written before
}

func (r *renewals) Open(path string, do func() error) (vfs.File, error) {
	return renewed{r, filepath.Ext(path) == ".db-wal"}, do()
}
func (r *renewals) Delete(_ string, _ bool, do func() error) error { return do() }

type renewed struct {
	*renewals
	isLog bool
}

func (f renewed) Write(p []byte, at int64, do func([]byte) error) error {
	switch {
	case f.synced:
	case !f.isLog:
		f.early = true
	case at == int64(len(f.log)):
		f.log = append(f.log, p...)
	}
	return do(p)
}
func (f renewed) Truncate(_ int64, do func() error) error { return do() }
func (f renewed) Sync(do func() (bool, error)) error {
	if f.isLog && !f.synced && f.fails != nil {
		return f.fails
	}
	f.synced = f.synced || f.isLog
	_, err := do()
	return err
}
func (f renewed) Close() {}

// A log that an earlier process has left is written anew, all of it, and synced,
// before anything is made of it: it may be in the kernel's memory only.
func TestLeftLogIsWrittenAnew(t *testing.T) {
	for _, fails := range []error{nil, unix.EIO} {
		path, log := leftLog(t)
		r := &renewals{fails: fails}
		remove, err := vfs.Lay(filepath.Dir(path), r)
		ok(t, err)
		d, err := db.Open(t.Context(), path, schema, db.Options{})
		remove()
		if (err != nil) != (fails != nil) {
			t.Fatalf("with %v: %v", fails, err)
		}
		if !bytes.Equal(r.log, log) || r.early || r.synced != (fails == nil) {
			t.Errorf("with %v: of %d octets %d were written; the database before: %v; synced: %v", fails, len(log), len(r.log), r.early, r.synced)
		}
		if fails != nil {
			if d, err = db.Open(t.Context(), path, schema, db.Options{}); err != nil {
				t.Fatal("when the disk is well again:", err)
			}
		}
		var n int
		ok(t, d.View(t.Context(), func(tx *db.Tx) error { return tx.Row(`SELECT count(*) FROM t`).Scan(&n) }))
		if n != 30 {
			t.Errorf("%d rows", n)
		}
		ok(t, d.Close())
	}
}

// A log that was emptied and keeps its room is not written.
func TestEmptyLogIsLeftAlone(t *testing.T) {
	path, log := leftLog(t)
	ok(t, os.WriteFile(path+"-wal", make([]byte, len(log)), 0o600))
	remove, err := vfs.Lay(filepath.Dir(path), full{})
	ok(t, err)
	defer remove()
	if _, err := wal.Renew(path + "-wal"); err != nil {
		t.Error(err)
	}
}

// A full disk is told as such.
func TestLeftLogOnAFullDisk(t *testing.T) {
	path, _ := leftLog(t)
	remove, err := vfs.Lay(filepath.Dir(path), full{})
	ok(t, err)
	defer remove()
	if _, err := db.Open(t.Context(), path, schema, db.Options{}); !errors.Is(err, db.ErrFull) {
		t.Errorf("%v, want %v", err, db.ErrFull)
	}
}

// full is a disk on which nothing can be written.
type full struct{}

func (full) Open(_ string, do func() error) (vfs.File, error) { return full{}, do() }
func (full) Delete(_ string, _ bool, do func() error) error   { return do() }
func (full) Write([]byte, int64, func([]byte) error) error    { return unix.ENOSPC }
func (full) Truncate(_ int64, do func() error) error          { return do() }
func (full) Sync(do func() (bool, error)) error               { _, err := do(); return err }
func (full) Close()                                           {}
