// Package wal is how SQLite writes its log (https://sqlite.org/walformat.html)
// here: a VFS (https://sqlite.org/vfs.html) that is the operating system's but for
// the log's file, in three things.
//
// SQLite writes each page of a commit with two calls, 24 octets of header and the
// page behind it. They lie one behind the other in the file, so they are gathered
// and written 64 KiB at a time. What has been gathered is written before whatever
// could tell that it was not: a sync, a read, a question for the size, a change of
// it. Nobody else reads frames that no sync has followed, because a commit
// publishes them after it; so this is for connections with synchronous=FULL only.
// A write that fails is told by the call that came to need it, a commit's sync at
// the latest, with the code of a write.
//
// Small commits make the log larger ahead of what is written (grow.go), so that it
// keeps its size over most of them.
//
// It is synced by fdatasync where the system has it, which has no need to write
// the inode of a file that has kept its size. SQLite, as it is built for Go, knows
// fsync only.
//
// A VFS that tests have made the default one lies beneath this one.
package wal

import (
	"fmt"
	"sync"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// Name is what connections open the VFS by, once Register has succeeded.
const Name = "posthorn-wal"

// Register makes the VFS known to SQLite, the first time it is called.
func Register() error { return registered() }

var (
	registered = sync.OnceValue(register)
	methods    lib.Tsqlite3_io_methods // of logs
)

// A C function pointer is, in modernc.org's translation, a pointer to a Go
// function value. What SQLite hands over lies in memory that Go's collector does
// not know, at addresses that stay.
func call[F any](method uintptr) F      { return *(*F)(unsafe.Pointer(&struct{ uintptr }{method})) }
func pointer[F any](function F) uintptr { return *(*uintptr)(unsafe.Pointer(&function)) }
func at[T any](address uintptr) *T      { return *(**T)(unsafe.Pointer(&address)) }

func register() error {
	tls := libc.NewTLS() // as long as the process lives
	system := lib.Xsqlite3_vfs_find(tls, 0)
	if system == 0 {
		return fmt.Errorf("SQLite has no VFS")
	}
	name, err := libc.CString(Name)
	if err != nil {
		return err
	}
	block := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(lib.Tsqlite3_vfs{})))
	if block == 0 {
		return fmt.Errorf("no memory for a VFS")
	}
	ours := at[lib.Tsqlite3_vfs](block)
	*ours = *at[lib.Tsqlite3_vfs](system) // methods that do not look at which VFS they are of
	ours.FpNext, ours.FzName = 0, name
	ours.FszOsFile = int32(behind) + beneathMost
	ours.FxOpen, ours.FxDelete = pointer(vfsOpen), pointer(vfsDelete)
	methods = lib.Tsqlite3_io_methods{
		FiVersion: 1,
		FxClose:   pointer(closeLog), FxRead: pointer(read), FxWrite: pointer(write), FxTruncate: pointer(truncate),
		FxSync: pointer(syncLog), FxFileSize: pointer(size), FxLock: pointer(lock), FxUnlock: pointer(unlock),
		FxCheckReservedLock: pointer(checkReservedLock), FxFileControl: pointer(control), FxSectorSize: pointer(sectorSize),
		FxDeviceCharacteristics: pointer(deviceCharacteristics),
	}
	if rc := lib.Xsqlite3_vfs_register(tls, block, 0); rc != lib.SQLITE_OK {
		return fmt.Errorf("register a VFS: SQLite result code %d", rc)
	}
	return nil
}

// beneathMost is how large the file of the VFS beneath may be, which tests may
// exchange later; the operating system's has some 120 octets.
const beneathMost = 512

// vfsOpen opens a log as one of ours, and any other file as the VFS beneath does.
func vfsOpen(tls *libc.TLS, _, name, f uintptr, flags int32, outFlags uintptr) int32 {
	beneath := lib.Xsqlite3_vfs_find(tls, 0)
	v := at[lib.Tsqlite3_vfs](beneath)
	open := call[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](v.FxOpen)
	if flags&lib.SQLITE_OPEN_WAL == 0 {
		return open(tls, beneath, name, f, flags, outFlags)
	}
	ours := at[file](f)
	*ours = file{}
	if v.FszOsFile > beneathMost {
		return lib.SQLITE_CANTOPEN
	}
	rc := open(tls, beneath, name, f+behind, flags, outFlags)
	if at[lib.Tsqlite3_file](f+behind).FpMethods == 0 {
		return rc // and there is nothing to be closed
	}
	ours.methods = uintptr(unsafe.Pointer(&methods))
	ours.system = libc.Bool32(isSystem(tls, beneath))
	return rc
}

func vfsDelete(tls *libc.TLS, _, name uintptr, folder int32) int32 {
	beneath := lib.Xsqlite3_vfs_find(tls, 0)
	return call[func(*libc.TLS, uintptr, uintptr, int32) int32](at[lib.Tsqlite3_vfs](beneath).FxDelete)(tls, beneath, name, folder)
}

// isSystem tells whether a VFS is the operating system's.
func isSystem(tls *libc.TLS, vfs uintptr) bool {
	return libc.GoString(at[lib.Tsqlite3_vfs](vfs).FzName) == "unix"
}
