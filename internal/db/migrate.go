package db

import (
	"fmt"
	"os"
)

// Migration is the SQL that takes the schema from one version to the next. A
// migration that was released is never changed again.
type Migration string

// migrate brings the schema to version len(schema), all steps in one
// transaction. A database that has rows already is copied first, to
// "<path>.v<version>".
func migrate(c *conn, path string, schema []Migration) error {
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
		if err := copyTo(tx, fmt.Sprintf("%s.v%d", path, version)); err != nil {
			return fmt.Errorf("copy before migration: %w", err)
		}
	}
	if _, err := tx.Exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for i, m := range schema[version:] {
		if _, err := tx.Exec(string(m)); err != nil {
			return undo(tx, fmt.Errorf("migrate to version %d: %w", version+i+1, err))
		}
	}
	if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", len(schema))); err != nil {
		return undo(tx, err)
	}
	_, err := tx.Exec("COMMIT")
	return err
}

// copyTo makes a copy of the database; an older one of the same name goes.
func copyTo(tx *Tx, path string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := private(path); err != nil {
		return err
	}
	_, err := tx.Exec("VACUUM INTO ?", path) // into an empty file
	return err
}
