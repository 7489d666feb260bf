package db

import (
	"fmt"

	lib "modernc.org/sqlite/lib"
)

// kind wraps what SQLite says in the kind callers test for.
func kind(rc int32, err error) error {
	switch rc {
	case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY, lib.SQLITE_CONSTRAINT_ROWID:
		return fmt.Errorf("%w: %w", ErrConflict, err)
	case lib.SQLITE_IOERR_SHMSIZE, lib.SQLITE_IOERR_IN_PAGE:
		// Not ErrFull: within a COMMIT this may come after the log was synced.
		return fmt.Errorf("no space left on disk for the index of the database's log: %w", err)
	}
	switch rc & 0xff {
	case lib.SQLITE_FULL:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}
