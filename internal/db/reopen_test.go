package db

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestDamageIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.db")
	schema := []Migration{testSchema[0] + `; CREATE TABLE child (t INTEGER REFERENCES t (id)) STRICT`}
	d, err := Open(t.Context(), path, schema, Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = d.Commit(t.Context(), 0, func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO t (name, data) 
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT 'row ' || i, zeroblob(900) FROM n`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if faults, err := d.Damage(t.Context()); err != nil || len(faults) != 0 {
		t.Errorf("a sound database: %q, %v", faults, err)
	}
	c, err := d.connect(true)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{`PRAGMA foreign_keys = 0`, `INSERT INTO child VALUES (999)`} {
		if _, err := (&Tx{c: c}).Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	if faults, err := d.Damage(t.Context()); err != nil || len(faults) != 1 {
		t.Errorf("a reference to nothing: %q, %v", faults, err)
	}
	if err := d.Commit(t.Context(), 0, func(tx *Tx) error { _, err := tx.Exec(`DELETE FROM child`); return err }); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"a page is garbage":      func(b []byte) []byte { copy(b[30*4096:], bytes.Repeat([]byte("garbage "), 4096/8)); return b },
		"an index entry is bent": func(b []byte) []byte { return bytes.Replace(b, []byte("row 117"), []byte("row 999"), 1) },
	} {
		if err := os.WriteFile(path, damage(bytes.Clone(b)), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := Open(t.Context(), path, schema, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if faults, err := d.Damage(t.Context()); err != nil || len(faults) == 0 {
			t.Errorf("%s: %q, %v", name, faults, err)
		}
		d.Close()
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, schema, Options{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("no database at all: %v", err)
	}
}
