package db

import (
	"path/filepath"
	"testing"
	"time"
)

// A statement that would never end does when it is interrupted, and the
// connection is as good as before.
func TestInterrupt(t *testing.T) {
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "t.db"), []Migration{`CREATE TABLE t (id INTEGER PRIMARY KEY)`}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c, err := d.connect(false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	ended := make(chan error)
	go func() {
		ended <- c.script(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n`)
	}()
	for again := time.NewTicker(5 * time.Millisecond); ; { // it may not have begun
		select {
		case <-again.C:
			c.interrupt()
			continue
		case err = <-ended:
			again.Stop()
		}
		break
	}
	if err == nil {
		t.Error("it ended by itself")
	}
	var n int64
	if err := (&Tx{c: c}).Row(`SELECT count(*) FROM t`).Scan(&n); err != nil {
		t.Error(err)
	}
}
