package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// A log begins with a header, and that with one of two numbers that differ in the
// last bit.
const (
	header = 32
	magic  = 0x377f0682
)

// Renew writes the log at path anew, octet for octet, and syncs it; there may be
// none, or an empty one that keeps room (Reserve), which is left alone. The caller has nobody who has it open.
//
// What can be read of a log that an earlier process has left may be in the
// kernel's memory only: when a sync fails the kernel tells so once, to that
// process, and takes the pages for written. SQLite would find the transaction
// whole whose COMMIT failed, write others behind it, whose syncs succeed, and copy
// it into the database; and the next power cut would take it out of the middle.
// A page that is written again is one that the next sync has to write.
//
// code is the result code of SQLite behind err.
func Renew(path string) (code int32, err error) {
	path, err = filepath.EvalSymlinks(path) // as SQLite knows it
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err == nil {
		_, err = os.Stat(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return lib.SQLITE_OK, nil
	}
	if err != nil {
		return lib.SQLITE_CANTOPEN, fmt.Errorf("renew the log: %w", err)
	}
	if rc := renew(path); rc != lib.SQLITE_OK {
		return rc, fmt.Errorf("renew the log: SQLite result code %d", rc)
	}
	return lib.SQLITE_OK, nil
}

// renew asks the VFS that lies beneath this one.
func renew(path string) int32 {
	tls := libc.NewTLS()
	defer tls.Close()
	vfs := lib.Xsqlite3_vfs_find(tls, 0)
	if vfs == 0 {
		return lib.SQLITE_ERROR
	}
	v := at[lib.Tsqlite3_vfs](vfs)
	name, err := libc.CString(path)
	if err != nil {
		return lib.SQLITE_NOMEM
	}
	defer libc.Xfree(tls, name)
	f := libc.Xcalloc(tls, 1, libc.Tsize_t(v.FszOsFile))
	buffer := libc.Xmalloc(tls, most)
	defer libc.Xfree(tls, f)
	defer libc.Xfree(tls, buffer)
	if f == 0 || buffer == 0 {
		return lib.SQLITE_NOMEM
	}
	open := call[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](v.FxOpen)
	rc := open(tls, vfs, name, f, lib.SQLITE_OPEN_READWRITE|lib.SQLITE_OPEN_WAL, 0)
	if at[lib.Tsqlite3_file](f).FpMethods == 0 {
		return rc
	}
	m := at[lib.Tsqlite3_io_methods](at[lib.Tsqlite3_file](f).FpMethods)
	if rc == lib.SQLITE_OK {
		rc = rewrite(tls, m, f, buffer)
	}
	if e := call[func(*libc.TLS, uintptr) int32](m.FxClose)(tls, f); rc == lib.SQLITE_OK {
		rc = e
	}
	return rc
}

// rewrite writes a file in its place, through a buffer of most octets.
func rewrite(tls *libc.TLS, m *lib.Tsqlite3_io_methods, f, buffer uintptr) int32 {
	rc := call[func(*libc.TLS, uintptr, uintptr) int32](m.FxFileSize)(tls, f, buffer)
	size := *at[int64](buffer)
	if rc != lib.SQLITE_OK {
		return rc
	}
	move := func(method uintptr, n int32, at int64) int32 {
		return call[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](method)(tls, f, buffer, n, at)
	}
	if size < header {
		return lib.SQLITE_OK
	}
	rc = move(m.FxRead, header, 0)
	if rc != lib.SQLITE_OK || binary.BigEndian.Uint32(unsafe.Slice(at[byte](buffer), header))&^1 != magic {
		return rc // a log without one has no frames
	}
	for from := int64(0); from < size; from += most {
		n := int32(min(most, size-from))
		if rc := move(m.FxRead, n, from); rc != lib.SQLITE_OK {
			return rc
		}
		if rc := move(m.FxWrite, n, from); rc != lib.SQLITE_OK {
			return rc
		}
	}
	return call[func(*libc.TLS, uintptr, int32) int32](m.FxSync)(tls, f, lib.SQLITE_SYNC_FULL)
}
