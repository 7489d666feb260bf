package wal

import (
	"golang.org/x/sys/unix"
	lib "modernc.org/sqlite/lib"
)

// syncData syncs the operating system's file f; false when there is no other way
// than SQLite's. After a failure nobody knows what is on the disk, so it is never
// tried twice.
func syncData(f uintptr) (rc int32, can bool) {
	for {
		switch err := unix.Fdatasync(int(at[lib.TunixFile](f).Fh)); err {
		case nil:
			return lib.SQLITE_OK, true
		case unix.EINTR: // not begun
		default:
			return lib.SQLITE_IOERR_FSYNC, true
		}
	}
}
