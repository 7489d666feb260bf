package wal

import (
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// A sync of a file that has become larger, or has got new blocks, waits for its
// inode and the file system's maps as well: twice as long as one of octets that
// were written over others. So a write that makes the log larger makes it larger
// still, by as much again as there is of it and by step at most, and one commit
// of many pays. What is ahead is zeros, which are no frame (a page's number is not
// 0): SQLite finds the log's end where it was.
const step = 1 << 20

// writeAhead writes, and makes the log larger where it ended with what was
// written. Nothing is gathered meanwhile.
func writeAhead(tls *libc.TLS, f, from uintptr, n int32, offset int64) int32 {
	rc := writeBeneath(tls, f, from, n, offset)
	if end := offset + int64(n); rc == lib.SQLITE_OK && end > at[file](f).size {
		grow(tls, f, end)
	}
	return rc
}

// grow makes a log larger that ends at an offset. That it cannot be is no failure:
// what was written stands, and on a full disk the room is given back.
func grow(tls *libc.TLS, f uintptr, end int64) {
	l := at[file](f)
	if rc := sizeBeneath(tls, f, f+unsafe.Offsetof(l.size)); rc != lib.SQLITE_OK || l.size != end || l.buffer == 0 {
		return // others have made it larger; l.size says how large
	}
	l.size = end + min(end, step) // also after a failure: it is not tried again at once
	clear(unsafe.Slice(at[byte](l.buffer), most))
	for to := end; to < l.size; to += most {
		if writeBeneath(tls, f, l.buffer, int32(min(most, l.size-to)), to) != lib.SQLITE_OK {
			truncateBeneath(tls, f, end)
			return
		}
	}
}
