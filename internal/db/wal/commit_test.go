package wal_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"posthorn/internal/db"
	"posthorn/internal/db/vfs"
)

// counter counts the writes of logs, as a layer beneath.
type counter struct {
	mu     sync.Mutex
	writes int
}

func (c *counter) Open(path string, do func() error) (vfs.File, error) {
	return counted{c, filepath.Ext(path) == ".db-wal"}, do()
}
func (c *counter) Delete(_ string, _ bool, do func() error) error { return do() }

type counted struct {
	*counter
	log bool
}

func (f counted) Write(p []byte, _ int64, do func([]byte) error) error {
	if f.log {
		f.mu.Lock()
		f.writes++
		f.mu.Unlock()
	}
	return do(p)
}
func (f counted) Truncate(_ int64, do func() error) error { return do() }
func (f counted) Sync(do func() (bool, error)) error {
	_, err := do()
	return err
}
func (f counted) Close() {}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func insert(d *db.DB, rows int, end error) error {
	return d.Commit(context.Background(), 0, func(tx *db.Tx) error {
		if _, err := tx.Exec(`PRAGMA cache_size = 20`); err != nil { // of the writer's connection, in pages
			return err
		}
		for range rows {
			if _, err := tx.Exec(`INSERT INTO t (v) VALUES (randomblob(4000))`); err != nil {
				return err
			}
		}
		return end
	})
}

// A commit of a hundred pages is a few writes, and one that is larger than
// SQLite's cache, whose pages are written and read again before it ends, ends well
// or leaves nothing.
func TestCommits(t *testing.T) {
	dir, c := filepath.Join(t.TempDir(), "data"), &counter{}
	ok(t, os.Mkdir(dir, 0o700))
	remove, err := vfs.Lay(dir, c)
	ok(t, err)
	defer remove()
	d, err := db.Open(t.Context(), filepath.Join(dir, "test.db"), []db.Migration{`CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)`}, db.Options{})
	ok(t, err)
	defer func() { ok(t, d.Close()) }()

	before := c.writes
	ok(t, insert(d, 100, nil))
	if n := c.writes - before; n == 0 || n > 20 {
		t.Errorf("a hundred pages were written with %d calls", n)
	}
	before = c.writes
	never := errors.New("never mind")
	if err := insert(d, 300, never); !errors.Is(err, never) {
		t.Errorf("%v, want %v", err, never)
	}
	if c.writes == before {
		t.Error("all of it was in the cache")
	}
	ok(t, insert(d, 1, nil))
	ok(t, insert(d, 300, nil))
	var rows, octets int64
	ok(t, d.View(t.Context(), func(tx *db.Tx) error {
		return tx.Row(`SELECT count(*), sum(length(v)) FROM t`).Scan(&rows, &octets)
	}))
	if rows != 401 || octets != rows*4000 {
		t.Errorf("%d rows of %d octets", rows, octets)
	}
	faults, err := d.Damage(t.Context())
	ok(t, err)
	if len(faults) > 0 {
		t.Errorf("damaged: %q", faults)
	}
}
