package db

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"
)

// smallLog makes the log's bounds small.
func smallLog(t *testing.T) {
	from, limit := copyFrom, logLimit
	copyFrom, logLimit = 128<<10, 512<<10
	t.Cleanup(func() { copyFrom, logLimit = from, limit })
}

func logSize(t *testing.T, d *DB) int64 {
	t.Helper()
	info, err := os.Stat(d.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func insertLarge(d *DB, n int) error {
	return d.Commit(context.Background(), 0, func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO t (name, data) VALUES (hex(randomblob(8)), ?)`, make([]byte, n))
		return err
	})
}

// A log that is written without a rest, and read all the time, stays bounded: the
// writer has it begun anew.
func TestLogStaysBounded(t *testing.T) {
	smallLog(t)
	d := open(t, Options{})
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for range 250 {
				if err := insertLarge(d, 8<<10); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					count(t, d)
				}
			}
		})
	}
	wg.Wait()
	close(done)
	readers.Wait()
	if got, most := logSize(t, d), 2*(logLimit+4*copyFrom); got > most { // 10 MiB were written, and it is made larger ahead
		t.Errorf("the log has %d octets, %d are allowed", got, most)
	}
	if n := count(t, d); n != 1000 {
		t.Errorf("%d rows", n)
	}
}

// A View that never ends keeps the log from being used again, and no commit waits
// for it for long.
func TestLongViewDelaysLittle(t *testing.T) {
	smallLog(t)
	d := open(t, Options{})
	began := make(chan struct{})
	end := make(chan struct{})
	viewed := make(chan error, 1)
	go func() {
		viewed <- d.View(context.Background(), func(tx *Tx) error {
			var n int
			err := tx.Row(`SELECT count(*) FROM t`).Scan(&n)
			close(began)
			<-end
			return err
		})
	}()
	<-began
	start := time.Now()
	for range 100 { // 800 KiB: the writer tries to help some three times
		if err := insertLarge(d, 8<<10); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(start); took > 15*time.Second { // 30 if each try waited as long as others do
		t.Errorf("100 commits took %v", took)
	}
	if got := logSize(t, d); got < logLimit {
		t.Errorf("the log has %d octets: the writer never had to wait", got)
	}
	close(end)
	if err := <-viewed; err != nil {
		t.Fatal(err)
	}
	large := logSize(t, d)
	for range 200 {
		if err := insertLarge(d, 8<<10); err != nil {
			t.Fatal(err)
		}
	}
	if got := logSize(t, d); got > large+2*copyFrom {
		t.Errorf("the log grew from %d to %d octets after the view had ended", large, got)
	}
}
