package wal

import (
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// file is our sqlite3_file. That of the VFS beneath lies behind it. It belongs to
// one connection, which uses it in one goroutine at a time.
type file struct {
	methods uintptr
	buffer  uintptr // of most octets, 0 before the first write
	at      int64   // where in the file what was gathered belongs
	end     int64   // where the last write ended
	since   int64   // how much was written since the last sync
	size    int64   // how large the file was when grow looked last, or less
	n       int32   // how much that is
	system  int32   // 1: the file beneath is the operating system's
	synced  int32   // 1: it has been synced, and its folder when the file was new
}

const (
	behind = unsafe.Sizeof(file{})
	most   = 64 << 10 // the operating system's VFS takes up to 128 KiB at once
)

// beneath gives the file of the VFS beneath and its methods.
func beneath(f uintptr) (uintptr, *lib.Tsqlite3_io_methods) {
	return f + behind, at[lib.Tsqlite3_io_methods](at[lib.Tsqlite3_file](f + behind).FpMethods)
}

// write gathers. What does not follow what was gathered, or has no room behind it,
// begins anew.
func write(tls *libc.TLS, f, from uintptr, n int32, offset int64) int32 {
	l := at[file](f)
	if l.n > 0 && (offset != l.at+int64(l.n) || l.n+n > most) {
		if rc := flush(tls, f); rc != lib.SQLITE_OK {
			return rc
		}
	}
	if l.buffer == 0 {
		l.buffer = libc.Xmalloc(tls, most)
	}
	if n > most || l.buffer == 0 {
		return writeBeneath(tls, f, from, n, offset)
	}
	if l.n == 0 {
		l.at = offset
	}
	copy(unsafe.Slice(at[byte](l.buffer+uintptr(l.n)), n), unsafe.Slice(at[byte](from), n))
	l.n += n
	return lib.SQLITE_OK
}

// flush writes what was gathered. After a failure it is gone, as it is from a
// write that fails: the transaction it is of fails.
func flush(tls *libc.TLS, f uintptr) int32 {
	l := at[file](f)
	if l.n == 0 {
		return lib.SQLITE_OK
	}
	n := l.n
	l.n = 0
	return writeBeneath(tls, f, l.buffer, n, l.at)
}

func writeBeneath(tls *libc.TLS, f, from uintptr, n int32, offset int64) int32 {
	theirs, m := beneath(f)
	l := at[file](f)
	l.end, l.since = offset+int64(n), l.since+int64(n)
	return call[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](m.FxWrite)(tls, theirs, from, n, offset)
}

// syncLog makes what was written durable. The first sync is left to SQLite's own
// VFS: it syncs the folder as well when it has made the file.
func syncLog(tls *libc.TLS, f uintptr, flags int32) int32 {
	if rc := flush(tls, f); rc != lib.SQLITE_OK {
		return rc
	}
	l := at[file](f)
	if l.end > l.size && l.since <= step/small {
		grow(tls, f, l.end)
	}
	l.since = 0
	theirs, m := beneath(f)
	if l.system == 1 && l.synced == 1 {
		if rc, can := syncData(theirs); can {
			return rc
		}
	}
	rc := call[func(*libc.TLS, uintptr, int32) int32](m.FxSync)(tls, theirs, flags)
	l.synced = libc.Bool32(rc == lib.SQLITE_OK)
	return rc
}

func read(tls *libc.TLS, f, to uintptr, n int32, offset int64) int32 {
	if rc := flush(tls, f); rc != lib.SQLITE_OK {
		return rc
	}
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](m.FxRead)(tls, theirs, to, n, offset)
}

func truncate(tls *libc.TLS, f uintptr, size int64) int32 {
	if rc := flush(tls, f); rc != lib.SQLITE_OK {
		return rc
	}
	at[file](f).size = 0
	return truncateBeneath(tls, f, size)
}

func truncateBeneath(tls *libc.TLS, f uintptr, size int64) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, int64) int32](m.FxTruncate)(tls, theirs, size)
}

func size(tls *libc.TLS, f, to uintptr) int32 {
	if rc := flush(tls, f); rc != lib.SQLITE_OK {
		return rc
	}
	return sizeBeneath(tls, f, to)
}

func sizeBeneath(tls *libc.TLS, f, to uintptr) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, uintptr) int32](m.FxFileSize)(tls, theirs, to)
}

// closeLog drops what no sync has followed: no commit has published it.
func closeLog(tls *libc.TLS, f uintptr) int32 {
	libc.Xfree(tls, at[file](f).buffer)
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr) int32](m.FxClose)(tls, theirs)
}

// The rest asks the file beneath.

func lock(tls *libc.TLS, f uintptr, level int32) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, int32) int32](m.FxLock)(tls, theirs, level)
}

func unlock(tls *libc.TLS, f uintptr, level int32) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, int32) int32](m.FxUnlock)(tls, theirs, level)
}

func checkReservedLock(tls *libc.TLS, f, answer uintptr) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, uintptr) int32](m.FxCheckReservedLock)(tls, theirs, answer)
}

func control(tls *libc.TLS, f uintptr, op int32, arg uintptr) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, int32, uintptr) int32](m.FxFileControl)(tls, theirs, op, arg)
}

func sectorSize(tls *libc.TLS, f uintptr) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr) int32](m.FxSectorSize)(tls, theirs)
}

func deviceCharacteristics(tls *libc.TLS, f uintptr) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr) int32](m.FxDeviceCharacteristics)(tls, theirs)
}
