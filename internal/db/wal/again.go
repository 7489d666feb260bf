package wal

import (
	"sync/atomic"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// Where the log's index (https://sqlite.org/walformat.html#wal_index_format) says
// how many frames have been copied into the database, and how large its first
// part is.
const (
	backfill = 96
	part     = 32 << 10
)

// CopyAgain has the next checkpoint of a connection's database copy all of the
// log, whatever earlier ones have copied. Meanwhile no checkpoint may run; reads
// and writes may. It gives SQLite's result code.
//
// SQLite counts what a checkpoint has copied that could not copy all, and syncs the
// database when one has copied the rest. When that sync fails the kernel takes all
// these pages for written, once; the next checkpoint copies the rest again and
// syncs with success, and the log is begun anew: of the pages that were copied
// before nobody knows then what the disk has.
func CopyAgain(tls *libc.TLS, db uintptr) int32 {
	const room = 8 // of an address
	name, err := libc.CString("main")
	if err != nil {
		return lib.SQLITE_NOMEM
	}
	defer libc.Xfree(tls, name)
	to := libc.Xcalloc(tls, 1, room)
	if to == 0 {
		return lib.SQLITE_NOMEM
	}
	defer libc.Xfree(tls, to)
	if rc := lib.Xsqlite3_file_control(tls, db, name, lib.SQLITE_FCNTL_FILE_POINTER, to); rc != lib.SQLITE_OK {
		return rc
	}
	f := *at[uintptr](to)
	methods := at[lib.Tsqlite3_file](f).FpMethods
	if methods == 0 || at[lib.Tsqlite3_io_methods](methods).FxShmMap == 0 {
		return lib.SQLITE_MISUSE
	}
	*at[uintptr](to) = 0
	shared := call[func(*libc.TLS, uintptr, int32, int32, int32, uintptr) int32](at[lib.Tsqlite3_io_methods](methods).FxShmMap)
	if rc := shared(tls, f, 0, part, 0, to); rc != lib.SQLITE_OK {
		return rc
	}
	if index := *at[uintptr](to); index != 0 { // else there is no log
		atomic.StoreUint32(at[uint32](index+backfill), 0)
	}
	return lib.SQLITE_OK
}
