package db

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var testSchema = []Migration{
	`CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, data BLOB) STRICT`,
}

func open(t testing.TB, o Options) *DB {
	t.Helper()
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "a b?c.db"), testSchema, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func insert(name string) func(*Tx) error {
	return func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO t (name) VALUES (?)`, name)
		return err
	}
}

func count(t testing.TB, d *DB) (n int) {
	t.Helper()
	err := d.View(t.Context(), func(tx *Tx) error { return tx.Row(`SELECT count(*) FROM t`).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCommitIsThereAfterReopening(t *testing.T) {
	d := open(t, Options{})
	for i := range 300 {
		if err := d.Commit(t.Context(), 0, insert(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if i, err := os.Stat(d.path + "-wal"); err != nil || i.Size() != 0 {
		t.Errorf("the log was not folded in: %v", err)
	}
	if err := d.Commit(t.Context(), 0, insert("late")); err != ErrClosed {
		t.Errorf("commit after close: %v", err)
	}
	again, err := Open(t.Context(), d.path, testSchema, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if n := count(t, again); n != 300 {
		t.Errorf("%d rows", n)
	}
}

func TestOneBadOperationDoesNotFailItsBatch(t *testing.T) {
	d := open(t, Options{})
	mine := errors.New("mine")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			err := d.Commit(t.Context(), 0, func(tx *Tx) error {
				if err := insert(fmt.Sprint(i))(tx); err != nil {
					return err
				}
				if i%2 == 1 {
					return mine
				}
				return nil
			})
			if i%2 == 1 && err != mine || i%2 == 0 && err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if n := count(t, d); n != 100 {
		t.Errorf("%d rows, want 100", n)
	}
	if err := d.Commit(t.Context(), 0, insert("0")); !errors.Is(err, ErrConflict) {
		t.Errorf("double: %v", err)
	}
}

func TestPanicComesToItsCaller(t *testing.T) {
	d := open(t, Options{})
	func() {
		defer func() {
			if p := recover(); p != "oh" {
				t.Errorf("recovered %v", p)
			}
		}()
		d.Commit(t.Context(), 0, func(tx *Tx) error { insert("x")(tx); panic("oh") })
	}()
	if n := count(t, d); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestContextCountsUntilTaken(t *testing.T) {
	d := open(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	started, hold, first := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		first <- d.Commit(ctx, 0, func(tx *Tx) error { close(started); <-hold; return insert("taken")(tx) })
	}()
	<-started
	second := make(chan error)
	go func() { second <- d.Commit(ctx, 0, insert("waiting")) }()
	cancel()
	if err := <-second; err != context.Canceled {
		t.Errorf("waiting operation: %v", err)
	}
	close(hold)
	if err := <-first; err != nil {
		t.Errorf("taken operation: %v", err)
	}
	if n := count(t, d); n != 1 {
		t.Errorf("%d rows", n)
	}
}

type octets int64

func (o octets) Octets() int64 { return int64(o) }

func (o octets) NeedsSync() bool { return o > 0 }

// S1: content before rows. An operation whose content failed leaves none.
func TestContentBeforeRows(t *testing.T) {
	bad := errors.New("sync failed")
	var durable atomic.Bool
	d := open(t, Options{
		Durable: func(p []Pending) error {
			time.Sleep(time.Millisecond) // a disk: the rows are there first
			if p[0].Octets() == 13 {
				return bad
			}
			durable.Store(true)
			return nil
		},
		Point: func(step string) error {
			if step == PointCommit && !durable.Load() {
				t.Error("COMMIT before the content is durable")
			}
			return nil
		},
	})
	if err := d.CommitAfter(t.Context(), 0, octets(13), insert("x")); !errors.Is(err, bad) {
		t.Errorf("content that failed: %v", err)
	}
	if n := count(t, d); n != 0 {
		t.Errorf("%d rows without content", n)
	}
	if err := d.CommitAfter(t.Context(), 0, octets(1), insert("x")); err != nil {
		t.Error(err)
	}
}

// What needs no sync of its own is durable with its rows: Durable is not asked.
func TestContentInRowsNeedsNoSync(t *testing.T) {
	var steps []string
	d := open(t, Options{
		Durable: func(p []Pending) error {
			t.Errorf("%d asked for", len(p))
			return nil
		},
		Point: func(step string) error {
			steps = append(steps, step)
			return nil
		},
	})
	if err := d.CommitAfter(t.Context(), 0, octets(0), insert("x")); err != nil {
		t.Error(err)
	}
	if n := count(t, d); n != 1 || !slices.Equal(steps, []string{PointSync, PointBegin, PointCommit, PointCommitted}) {
		t.Errorf("%d rows after %v", n, steps)
	}
}

func TestFailedCommitRefusesWritesUntilReopened(t *testing.T) {
	disk := errors.New("disk failed")
	var fail bool
	d := open(t, Options{Point: func(step string) error {
		if fail && step == PointCommit {
			return disk
		}
		return nil
	}})
	if err := d.Commit(t.Context(), 0, insert("kept")); err != nil {
		t.Fatal(err)
	}
	fail = true
	if err := d.Commit(t.Context(), 0, insert("a")); !errors.Is(err, disk) || !errors.Is(err, ErrBroken) {
		t.Errorf("failed commit: %v", err)
	}
	fail = false
	if err := d.Commit(t.Context(), 0, insert("b")); !errors.Is(err, ErrBroken) {
		t.Errorf("commit while broken: %v", err)
	}
	if n := count(t, d); n != 1 {
		t.Errorf("reading while broken: %d rows", n)
	}
	doubt := errors.New("doubt")
	refusing := func(verdict error) func() error {
		return func() error {
			if err := d.Commit(t.Context(), 0, insert("early")); err != ErrBroken {
				t.Errorf("commit while it is checked: %v", err)
			}
			return verdict
		}
	}
	if err := d.Reopen(t.Context(), refusing(doubt)); !errors.Is(err, doubt) {
		t.Errorf("a check that failed: %v", err)
	}
	if err := d.Reopen(t.Context(), refusing(nil)); err != nil {
		t.Fatal(err)
	}
	if err := d.Reopen(t.Context(), refusing(doubt)); err != nil {
		t.Errorf("reopening what is not broken: %v", err)
	}
	if err := d.Commit(t.Context(), 0, insert("c")); err != nil {
		t.Errorf("after reopening: %v", err)
	}
	if n := count(t, d); n != 2 {
		t.Errorf("%d rows", n)
	}
}

func TestFullDiskRetriesNextTime(t *testing.T) {
	d := open(t, Options{})
	limit := func(pages int) {
		err := d.Commit(t.Context(), 0, func(tx *Tx) error {
			_, err := tx.Query(fmt.Sprintf("PRAGMA max_page_count = %d", pages))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	big := func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO t (name, data) VALUES ('big', zeroblob(1000000))`)
		return err
	}
	limit(20)
	if err := d.Commit(t.Context(), 0, big); !errors.Is(err, ErrFull) || errors.Is(err, ErrBroken) {
		t.Errorf("full: %v", err)
	}
	limit(100000)
	if err := d.Commit(t.Context(), 0, big); err != nil {
		t.Errorf("space again: %v", err)
	}
}

func TestViewSeesOneState(t *testing.T) {
	d := open(t, Options{})
	err := d.View(t.Context(), func(tx *Tx) error {
		var before, after int
		if err := tx.Row(`SELECT count(*) FROM t`).Scan(&before); err != nil {
			return err
		}
		if err := d.Commit(t.Context(), 0, insert("x")); err != nil {
			return err
		}
		if err := tx.Row(`SELECT count(*) FROM t`).Scan(&after); err != nil {
			return err
		}
		if before != after {
			t.Errorf("%d, then %d", before, after)
		}
		if _, err := tx.Exec(`DELETE FROM t`); err == nil {
			t.Error("a view could write")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := count(t, d); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestNestedUseOfOneStatement(t *testing.T) {
	d := open(t, Options{})
	for _, name := range []string{"a", "b", "c"} {
		if err := d.Commit(t.Context(), 0, insert(name)); err != nil {
			t.Fatal(err)
		}
	}
	pairs := 0
	err := d.View(t.Context(), func(tx *Tx) error {
		const query = `SELECT name FROM t`
		outer, err := tx.Query(query)
		if err != nil {
			return err
		}
		defer outer.Close()
		for outer.Next() {
			inner, err := tx.Query(query)
			if err != nil {
				return err
			}
			for inner.Next() {
				pairs++
			}
			inner.Close()
		}
		return outer.Err()
	})
	if err != nil || pairs != 9 {
		t.Errorf("%d pairs, %v", pairs, err)
	}
}

func TestValues(t *testing.T) {
	type uid uint32
	type key string
	d := open(t, Options{})
	err := d.View(t.Context(), func(tx *Tx) error {
		var (
			i  int64
			u  uid
			b  bool
			k  key
			by []byte
			n  = 7
			f  uint64
		)
		err := tx.Row(`SELECT ?, ?, ?, ?, ?, ?, ?`, int64(-5), uid(9), true, key("k"), []byte("bytes"), nil, uint64(1)<<63).Scan(&i, &u, &b, &k, &by, &n, &f)
		if err != nil {
			return err
		}
		if i != -5 || u != 9 || !b || k != "k" || string(by) != "bytes" || n != 0 || f != 1<<63 {
			t.Errorf("got %v %v %v %v %q %v %v", i, u, b, k, by, n, f)
		}
		if err := tx.Row(`SELECT 5000000000`).Scan(&u); err == nil {
			t.Errorf("5000000000 fits 32 bits as %d", u)
		}
		if err := tx.Row(`SELECT 'x'`).Scan(&i); err == nil {
			t.Error("a string is a number")
		}
		if err := tx.Row(`SELECT 1 WHERE 0`).Scan(&i); err != ErrNoRows {
			t.Errorf("no row: %v", err)
		}
		if _, err := tx.Exec(`SELECT ?`, struct{}{}); err == nil {
			t.Error("a struct is an argument")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPageSize(t *testing.T) {
	for _, size := range []int{0, 16 << 10} {
		d := open(t, Options{PageSize: size})
		err := d.View(t.Context(), func(tx *Tx) error {
			var got int64
			var mode string
			if err := tx.Row("PRAGMA page_size").Scan(&got); err != nil {
				return err
			}
			if err := tx.Row("PRAGMA journal_mode").Scan(&mode); err != nil {
				return err
			}
			if got != d.pageSize() || mode != "wal" {
				t.Errorf("asked for pages of %d octets: %d, journal %s", size, got, mode)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	two := append(testSchema[:1:1], `CREATE TABLE u (x INTEGER) STRICT; INSERT INTO u SELECT count(*) FROM t`)
	bad := append(two[:2:2], `CREATE TABLE v (x INTEGER) STRICT; nonsense`)
	d, err := Open(t.Context(), path, testSchema, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(t.Context(), 0, insert("x")); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if _, err := Open(t.Context(), path, bad, Options{}); err == nil {
		t.Fatal("a bad migration passed")
	}
	full := errors.New("no room")
	var told Upgrade
	upgrading := func(u Upgrade) error { told = u; return full }
	os.Remove(path + ".v1")
	if _, err := Open(t.Context(), path, two, Options{Upgrading: upgrading}); !errors.Is(err, full) {
		t.Fatal("an upgrade that was refused happened:", err)
	}
	if _, err := os.Stat(path + ".v1"); !os.IsNotExist(err) || told.Copy != path+".v1" || told.From != 1 || told.To != 2 || told.Octets < 4096 {
		t.Errorf("told of %+v, and then: %v", told, err)
	}
	full = nil
	if d, err = Open(t.Context(), path, two, Options{Upgrading: upgrading}); err != nil {
		t.Fatal("after a bad migration:", err)
	}
	if n := count(t, d); n != 1 {
		t.Errorf("%d rows after migration", n)
	}
	d.Close()
	if _, err := Open(t.Context(), path, testSchema, Options{}); !errors.Is(err, ErrNewer) {
		t.Errorf("newer database: %v", err)
	}
	for _, p := range []string{path, path + ".v1"} {
		if st, err := os.Stat(p); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s is not its owner's alone: %v, %v", p, st, err)
		}
	}
	copied, err := Open(t.Context(), path+".v1", testSchema, Options{})
	if err != nil {
		t.Fatal("the copy:", err)
	}
	defer copied.Close()
	if n := count(t, copied); n != 1 {
		t.Errorf("%d rows in the copy", n)
	}
}
