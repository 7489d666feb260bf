package db

import (
	"fmt"
	"os"
	"runtime/debug"
	"testing"
	"time"
)

// resident is how many octets of memory this process holds that are not Go's to
// give back.
func resident(t *testing.T) (octets int64) {
	t.Helper()
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	var size int64
	if _, err := fmt.Sscan(string(b), &size, &octets); err != nil {
		t.Fatal(err)
	}
	return octets * int64(os.Getpagesize())
}

// Connections at rest let go of the pages they have read, and are used again.
func TestConnectionsAtRestAreSmall(t *testing.T) {
	was := firstTurn
	t.Cleanup(func() { firstTurn = was }) // when the database is closed
	firstTurn = time.Hour                 // the turns are made here
	d := open(t, Options{})
	err := d.Commit(t.Context(), 0, func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO t (name, data)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT 'row ' || i, zeroblob(3000) FROM n`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	read := func() {
		t.Helper()
		err := d.View(t.Context(), func(tx *Tx) (err error) {
			var n int64
			return tx.Row(`SELECT sum(length(data)) FROM t WHERE data <> x'00'`).Scan(&n)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for range d.size {
		read()
	}
	busy := resident(t)
	d.turn() // they have been used since the last one
	if now := resident(t); now < busy-(1<<20) {
		t.Errorf("%d octets of %d are held by connections that are in use", now, busy)
	}
	d.turn()
	// A reader keeps 4 MB; half of that is what is certain to be seen.
	if now := resident(t); now > busy-int64(d.size)*2<<20 {
		t.Errorf("%d octets of %d are held at rest", now, busy)
	}
	read()
}
