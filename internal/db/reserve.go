package db

import (
	"errors"
	"fmt"

	"posthorn/internal/db/wal"
)

// A database whose disk is full can be opened, read and written to a little,
// because what that takes has been taken before. The log stays when the database
// is closed, empty, with Reserve octets: what is written then goes there, and into
// pages of the file that are free. And SQLite's file of the log's index stays,
// without which nothing can even be read. SQLite cuts it when it opens it, and makes it
// anew in the room that this gives back. In use it has room for an index of a
// log of logLimit and a quarter, so that no commit meets a disk without room for it.
const indexReserve = 5 * 32 << 10

// reserve has both occupy their octets. It runs while a connection has them open,
// or none at all.
func (d *DB) reserve() error {
	err := wal.Reserve(d.path+"-shm", indexReserve)
	if d.options.Reserve > 0 {
		err = errors.Join(err, wal.Reserve(d.path+"-wal", d.options.Reserve))
	}
	if err != nil {
		return fmt.Errorf("reserve room for the log of %s: %w", d.path, err)
	}
	return nil
}
