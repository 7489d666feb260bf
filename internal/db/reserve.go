package db

import (
	"errors"
	"fmt"
	"os"

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
// or none at all. The index stays open here until none has: a process that closes
// any descriptor of a file loses all its locks on it, SQLite's as well, and a
// program that finds none cuts the index under those who use it.
func (d *DB) reserve() (err error) {
	if d.index == nil {
		d.index, err = os.OpenFile(d.path+"-shm", os.O_RDWR, 0)
	}
	if err == nil {
		err = wal.Reserve(d.index, indexReserve)
	}
	if err != nil {
		return fmt.Errorf("reserve room for the index of the log of %s: %w", d.path, err)
	}
	return d.reserveLog()
}

// reserveLog is for the log alone, on which there are no locks.
func (d *DB) reserveLog() error {
	if d.options.Reserve == 0 {
		return nil
	}
	f, err := os.OpenFile(d.path+"-wal", os.O_RDWR, 0)
	if err == nil {
		err = errors.Join(wal.Reserve(f, d.options.Reserve), f.Close())
	}
	if err != nil {
		return fmt.Errorf("reserve room for the log of %s: %w", d.path, err)
	}
	return nil
}

// closeIndex is called when no connection is left.
func (d *DB) closeIndex() error {
	if d.index == nil {
		return nil
	}
	return d.index.Close()
}
