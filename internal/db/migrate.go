package db

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Migration is the SQL that takes the schema from one version to the next. A
// migration that was released is never changed again.
type Migration string

// migrate brings the schema to version len(schema), all steps in one
// transaction. A database that has rows already is copied first, to
// "<path>.v<version>".
func migrate(c *conn, path string, schema []Migration, upgrading func(Upgrade) error) error {
	tx := &Tx{c: c}
	var version int
	if err := tx.Row("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case version > len(schema):
		return fmt.Errorf("version %d, this program knows up to %d: %w", version, len(schema), ErrNewer)
	case version == len(schema):
		return nil
	case version > 0:
		if err := copyFirst(tx, path, version, len(schema), upgrading); err != nil {
			return fmt.Errorf("copy before migration: %w", err)
		}
	}
	if _, err := tx.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for i, m := range schema[version:] {
		if err := c.script(string(m)); err != nil {
			return undo(tx, fmt.Errorf("migrate to version %d: %w", version+i+1, err))
		}
	}
	if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", len(schema))); err != nil {
		return undo(tx, err)
	}
	_, err := tx.Exec("COMMIT")
	return err
}

// copyFirst makes the copy to which the older program can go back.
func copyFirst(tx *Tx, path string, from, to int, upgrading func(Upgrade) error) error {
	u := Upgrade{From: from, To: to, Copy: fmt.Sprintf("%s.v%d", path, from)}
	if upgrading != nil {
		var pages, size int64
		if err := tx.Row("PRAGMA page_count").Scan(&pages); err != nil {
			return err
		}
		if err := tx.Row("PRAGMA page_size").Scan(&size); err != nil {
			return err
		}
		u.Octets = pages * size
		if err := upgrading(u); err != nil {
			return err
		}
	}
	err := copyTo(tx, u.Copy)
	if err != nil {
		return errors.Join(err, os.Remove(u.Copy)) // half a copy is none
	}
	return nil
}

// copyTo makes a copy of the database that is on the disk when it returns; an
// older one of the same name goes.
func copyTo(tx *Tx, path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := private(path); err != nil {
		return err
	}
	if _, err := tx.Exec("VACUUM INTO ?", path); err != nil { // into an empty file
		return err
	}
	for _, name := range []string{path, filepath.Dir(path)} {
		if err := syncPath(name); err != nil {
			return err
		}
	}
	return nil
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
