package db

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"posthorn/internal/db/vfs"
)

// pages notes which pages of the database are written since it was asked last, and
// fails its sync.
type pages struct {
	mu      sync.Mutex
	written map[int64]bool
	fails   bool
}

func (p *pages) taken() map[int64]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.written
	p.written = make(map[int64]bool)
	return was
}

func (p *pages) failing(fails bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fails = fails
}

func (p *pages) Open(path string, do func() error) (vfs.File, error) {
	return paged{p, filepath.Ext(path) == ".db"}, do()
}
func (p *pages) Delete(_ string, _ bool, do func() error) error { return do() }

type paged struct {
	of       *pages
	database bool
}

func (f paged) Write(b []byte, at int64, do func([]byte) error) error {
	if f.database {
		f.of.mu.Lock()
		f.of.written[at] = true
		f.of.mu.Unlock()
	}
	return do(b)
}
func (f paged) Truncate(_ int64, do func() error) error { return do() }
func (f paged) Sync(do func() (bool, error)) error {
	f.of.mu.Lock()
	fails := f.of.fails && f.database
	f.of.mu.Unlock()
	if fails {
		return unix.EIO
	}
	_, err := do()
	return err
}
func (f paged) Close() {}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What was copied before a sync of the database that failed is copied again with
// the rest: the failed sync was to make it durable too, and nobody knows whether
// it has. A database that is closed before that keeps its log.
func TestAllIsCopiedAgainAfterAFailedSync(t *testing.T) {
	for _, closed := range []bool{false, true} {
		dir, disk := t.TempDir(), &pages{written: make(map[int64]bool)}
		remove, err := vfs.Lay(dir, disk)
		ok(t, err)
		defer remove()
		path := filepath.Join(dir, "test.db")
		d, err := Open(t.Context(), path, []Migration{`CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)`}, Options{})
		ok(t, err)
		c, err := d.connect(true)
		ok(t, err)
		insert := func(id int) {
			t.Helper()
			ok(t, d.Commit(t.Context(), 0, func(tx *Tx) error {
				_, err := tx.Exec(`INSERT INTO t VALUES (?, randomblob(40000))`, id)
				return err
			}))
		}
		insert(1)
		ok(t, d.View(t.Context(), func(tx *Tx) error {
			var n int
			if err := tx.Row(`SELECT count(*) FROM t`).Scan(&n); err != nil {
				return err
			}
			insert(2) // not copied while this View is there
			_, err := d.checkpoint(c, "PASSIVE")
			return err
		}))
		first := disk.taken()
		disk.failing(true)
		if _, err := d.checkpoint(c, "PASSIVE"); err == nil {
			t.Fatal("no checkpoint has failed")
		}
		rest := disk.taken()
		if len(first) < 10 || len(rest) < 10 {
			t.Fatalf("%d pages were copied first, then %d", len(first), len(rest))
		}
		disk.failing(false)
		if closed {
			ok(t, c.keepFrames())
			ok(t, c.close())
			ok(t, d.Close())
			if i, err := os.Stat(path + "-wal"); err != nil || i.Size() == 0 {
				t.Fatalf("the log was given up: %v", err)
			}
			d, err = Open(t.Context(), path, []Migration{`CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)`}, Options{})
			ok(t, err)
			c, err = d.connect(true)
			ok(t, err)
		}
		if _, err := d.checkpoint(c, "PASSIVE"); err != nil {
			t.Fatal(err)
		}
		again := disk.taken()
		for at := range first {
			if !again[at] {
				t.Errorf("closed %v: the page at %d was not copied again", closed, at)
			}
		}
		ok(t, c.close())
		ok(t, d.Close())
	}
}
