package db

import (
	"testing"

	lib "modernc.org/sqlite/lib"
)

// A statement is planned once, whatever is bound to it: it is not made anew for
// each other value.
func TestStatementsArePlannedOnce(t *testing.T) {
	d := open(t, Options{})
	ctx := t.Context()
	err := d.Commit(ctx, 0, func(tx *Tx) error {
		return tx.c.script(`CREATE TABLE due (id INTEGER PRIMARY KEY, state TEXT NOT NULL, held INTEGER NOT NULL, priority INTEGER NOT NULL, ready INTEGER NOT NULL) STRICT;
			CREATE INDEX due_ready ON due (priority, ready) WHERE state = 'waiting' AND held = 0;`)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		`SELECT ready FROM due WHERE state = 'waiting' AND held = 0 AND priority = ? ORDER BY ready LIMIT 1`,
		`SELECT id FROM due WHERE state = 'waiting' AND held = 0 AND priority = ? AND ready <= ? ORDER BY ready, id LIMIT ?`,
	} {
		err := d.Commit(ctx, 0, func(tx *Tx) error {
			for i := range int64(10) {
				rows, err := tx.Query(query, i, i, i+1)
				if err != nil {
					return err
				}
				rows.Close()
			}
			s := tx.c.statements[query]
			if n := lib.Xsqlite3_stmt_status(tx.c.tls, s.p, lib.SQLITE_STMTSTATUS_REPREPARE, 0); n > 0 {
				t.Errorf("planned %d times anew: %s", n, query)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
