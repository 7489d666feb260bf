package wal

import (
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// A sync of a file that has become larger, or has got new blocks, waits for its
// inode and the file system's maps as well: twice as long as one of octets that
// were written over others. So a small commit that makes the log larger makes it
// larger still, by as much again as there is of it and by step at most, and pays for
// those that follow. What is ahead is zeros, which are no frame (a page's number is
// not 0): SQLite finds the log's end where it was. A commit of more than a small part
// of step does not: so few would follow that the zeros cost more than they save.
const (
	step  = 1 << 20
	small = 8
)

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
