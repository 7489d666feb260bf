package db

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// held has the writer wait in an operation until the function it gives is called:
// what is asked for meanwhile becomes one batch.
func held(t *testing.T, d *DB) (release func()) {
	t.Helper()
	started, hold, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		ended <- d.Commit(t.Context(), 0, func(*Tx) error { close(started); <-hold; return nil })
	}()
	<-started
	return func() {
		close(hold)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// batchOf has n commits form one batch.
func batchOf(t *testing.T, d *DB, n int, commit func(i int)) {
	t.Helper()
	release := held(t, d)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { commit(i) })
	}
	for len(d.requests) < n {
		select {
		case <-t.Context().Done():
			t.Fatal("they never came")
		default:
		}
	}
	release()
	wg.Wait()
}

// Operations that may run again fail alone like all others, in whatever way, and
// those that may not never do.
func TestOperationsThatRunAgain(t *testing.T) {
	mine := errors.New("mine")
	for name, fails := range map[string]func(tx *Tx) error{
		"none":                 nil,
		"with an error":        func(*Tx) error { return mine },
		"by a panic":           func(*Tx) error { panic(mine) },
		"of a double row":      insert("0"),
		"of a wrong statement": func(tx *Tx) error { _, err := tx.Exec(`INSERT INTO nothing VALUES (1)`); return err },
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, Options{})
			if err := d.Commit(t.Context(), 0, insert("0")); err != nil {
				t.Fatal(err)
			}
			const n, bad = 60, 20
			var runs [n + 1]atomic.Int32
			one := func(i int) (err error) {
				defer func() {
					if p := recover(); p != nil {
						err = p.(error)
					}
				}()
				op := func(tx *Tx) error {
					runs[i].Add(1)
					if err := insert(fmt.Sprint(i))(tx); err != nil {
						return err
					}
					if i == bad && fails != nil {
						return fails(tx)
					}
					return nil
				}
				if i%3 == 0 {
					return d.Commit(t.Context(), 0, op)
				}
				return d.CommitAgain(t.Context(), 0, nil, op)
			}
			batchOf(t, d, n, func(i int) {
				if err := one(i + 1); (err != nil) != (i+1 == bad && fails != nil) {
					t.Errorf("%d: %v", i+1, err)
				}
			})
			want := n + 1
			if fails != nil {
				want--
			}
			if got := count(t, d); got != want {
				t.Errorf("%d rows, want %d", got, want)
			}
			for i := 3; i <= n; i += 3 {
				if r := runs[i].Load(); r != 1 {
					t.Errorf("%d ran %d times", i, r)
				}
			}
		})
	}
}

// Where SQLite undoes the whole transaction nothing of the batch is left that was
// not answered well, also when the operation took no notice.
func TestTransactionUndoneBySQLite(t *testing.T) {
	for _, notices := range []bool{true, false} {
		d := open(t, Options{})
		var well atomic.Int32
		batchOf(t, d, 10, func(i int) {
			err := d.CommitAgain(t.Context(), 0, nil, func(tx *Tx) error {
				if i != 5 {
					return insert(fmt.Sprint(i))(tx)
				}
				_, err := tx.Exec(`INSERT OR ROLLBACK INTO t (id, name) VALUES (1, 'a'), (1, 'b')`)
				if err == nil || !notices {
					return nil
				}
				return err
			})
			if err == nil {
				well.Add(1)
			}
			if err == nil && i == 5 || errors.Is(err, ErrBroken) {
				t.Errorf("%d: %v", i, err)
			}
		})
		if err := d.Commit(t.Context(), 0, insert("after")); err != nil {
			t.Error(err)
		}
		if n := count(t, d); n != 1+int(well.Load()) {
			t.Errorf("%d rows, %d were answered", n, well.Load())
		}
	}
}
