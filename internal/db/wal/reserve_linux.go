package wal

import (
	"os"

	"golang.org/x/sys/unix"
)

// Reserve has the file of a log, or of its index, occupy at least n octets of the
// disk; what is added is zero, which SQLite takes for the log's end. Where the disk has no room, or cannot
// give room ahead, the file is as it was.
func Reserve(f *os.File, n int64) error {
	var err error
	for {
		err = unix.Fallocate(int(f.Fd()), 0, 0, n)
		if err != unix.EINTR {
			break
		}
	}
	if err == unix.ENOSPC || err == unix.EDQUOT || err == unix.EOPNOTSUPP {
		err = nil
	}
	return err
}
