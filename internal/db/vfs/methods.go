package vfs

import (
	"fmt"
	"sync"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// A C function pointer is, in modernc.org's translation, a pointer to a Go
// function value; call and pointer go from the one to the other. What SQLite
// hands over (sqlite3_file, names, buffers) lies in memory that Go's collector
// does not know, at addresses that stay; at makes a pointer of an address.

func call[F any](method uintptr) F        { return *(*F)(unsafe.Pointer(&struct{ uintptr }{method})) }
func pointer[F any](function F) uintptr   { return *(*uintptr)(unsafe.Pointer(&function)) }
func at[T any](address uintptr) *T        { return *(**T)(unsafe.Pointer(&address)) }
func bytes(address uintptr, n int) []byte { return unsafe.Slice(at[byte](address), n) }

// file is our sqlite3_file. That of the operating system's VFS lies behind it.
type file struct {
	methods uintptr
	number  uintptr // in open
}

const behind = unsafe.Sizeof(file{})

var (
	registered = sync.OnceValue(registerOnce)
	system     uintptr                 // the VFS beneath
	table      lib.Tsqlite3_io_methods // of our files

	// open are our files by number. A file without a layer is number 0.
	open struct {
		sync.Mutex
		files map[uintptr]File
		last  uintptr
	}

	// folders are the threads whose sync has opened a folder.
	folders struct {
		sync.Mutex
		opened map[*libc.TLS]bool
	}
	openDirectory uintptr // the operating system's
)

func register() error { return registered() }

func registerOnce() error {
	tls := libc.NewTLS() // as long as the process lives
	system = lib.Xsqlite3_vfs_find(tls, 0)
	if system == 0 {
		return fmt.Errorf("SQLite has no VFS")
	}
	fillTable()
	open.files = make(map[uintptr]File)
	folders.opened = make(map[*libc.TLS]bool)
	name, err := libc.CString("posthorn-layers")
	if err != nil {
		return err
	}
	// The other methods of the VFS do not look at which VFS they are of.
	ours := at[lib.Tsqlite3_vfs](libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(lib.Tsqlite3_vfs{}))))
	*ours = *at[lib.Tsqlite3_vfs](system)
	ours.FpNext, ours.FzName = 0, name
	ours.FszOsFile += int32(behind)
	ours.FxOpen, ours.FxDelete = pointer(vfsOpen), pointer(vfsDelete)
	if err := watchFolders(tls); err != nil {
		return err
	}
	return outcome(lib.Xsqlite3_vfs_register(tls, uintptr(unsafe.Pointer(ours)), 1))
}

// watchFolders has SQLite tell when it opens a folder, which it does to sync it.
func watchFolders(tls *libc.TLS) error {
	name, err := libc.CString("openDirectory")
	if err != nil {
		return err
	}
	v := at[lib.Tsqlite3_vfs](system)
	openDirectory = call[func(*libc.TLS, uintptr, uintptr) uintptr](v.FxGetSystemCall)(tls, system, name)
	return outcome(call[func(*libc.TLS, uintptr, uintptr, uintptr) int32](v.FxSetSystemCall)(tls, system, name, pointer(opensDirectory)))
}

func opensDirectory(tls *libc.TLS, name, fd uintptr) int32 {
	rc := call[func(*libc.TLS, uintptr, uintptr) int32](openDirectory)(tls, name, fd)
	folders.Lock()
	defer folders.Unlock()
	folders.opened[tls] = rc == lib.SQLITE_OK
	return rc
}

// openedFolder tells whether a thread has opened a folder since it was asked last.
func openedFolder(tls *libc.TLS) bool {
	folders.Lock()
	defer folders.Unlock()
	defer delete(folders.opened, tls)
	return folders.opened[tls]
}

func vfsOpen(tls *libc.TLS, _, name, f uintptr, flags int32, outFlags uintptr) int32 {
	ours, theirs := at[file](f), f+behind
	*ours = file{}
	do := func() error {
		v := at[lib.Tsqlite3_vfs](system)
		return outcome(call[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](v.FxOpen)(tls, system, name, theirs, flags, outFlags))
	}
	var l Layer
	path := ""
	if name != 0 && flags&lib.SQLITE_OPEN_READONLY == 0 {
		path = libc.GoString(name)
		l = over(path)
	}
	if l == nil {
		rc := code(do(), lib.SQLITE_CANTOPEN)
		if at[lib.Tsqlite3_file](theirs).FpMethods != 0 {
			ours.methods = uintptr(unsafe.Pointer(&table))
		}
		return rc
	}
	at[lib.Tsqlite3_file](theirs).FpMethods = 0
	made, err := l.Open(path, do)
	if err != nil {
		if m := at[lib.Tsqlite3_file](theirs).FpMethods; m != 0 {
			call[func(*libc.TLS, uintptr) int32](at[lib.Tsqlite3_io_methods](m).FxClose)(tls, theirs)
		}
		return code(err, lib.SQLITE_CANTOPEN)
	}
	open.Lock()
	defer open.Unlock()
	open.last++
	open.files[open.last] = made
	ours.methods, ours.number = uintptr(unsafe.Pointer(&table)), open.last
	return lib.SQLITE_OK
}

func vfsDelete(tls *libc.TLS, _, name uintptr, folder int32) int32 {
	do := func() error {
		v := at[lib.Tsqlite3_vfs](system)
		rc := call[func(*libc.TLS, uintptr, uintptr, int32) int32](v.FxDelete)(tls, system, name, folder)
		openedFolder(tls)
		return outcome(rc)
	}
	path := libc.GoString(name)
	if l := over(path); l != nil {
		return code(l.Delete(path, folder&1 != 0, do), lib.SQLITE_IOERR_DELETE)
	}
	return code(do(), lib.SQLITE_IOERR_DELETE)
}

// beneath gives the operating system's file and its methods.
func beneath(f uintptr) (uintptr, *lib.Tsqlite3_io_methods) {
	return f + behind, at[lib.Tsqlite3_io_methods](at[lib.Tsqlite3_file](f + behind).FpMethods)
}

// layered is the layer's file, nil when there is none.
func layered(f uintptr) File {
	n := at[file](f).number
	if n == 0 {
		return nil
	}
	open.Lock()
	defer open.Unlock()
	return open.files[n]
}

func fileClose(tls *libc.TLS, f uintptr) int32 {
	if l := layered(f); l != nil {
		l.Close()
		open.Lock()
		delete(open.files, at[file](f).number)
		open.Unlock()
	}
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr) int32](m.FxClose)(tls, theirs)
}

func fileWrite(tls *libc.TLS, f, from uintptr, n int32, offset int64) int32 {
	do := func(p []byte) error {
		if len(p) == 0 {
			return nil
		}
		theirs, m := beneath(f)
		return outcome(call[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](m.FxWrite)(tls, theirs, from, int32(len(p)), offset))
	}
	p := bytes(from, int(n))
	if l := layered(f); l != nil {
		return code(l.Write(p, offset, do), lib.SQLITE_IOERR_WRITE)
	}
	return code(do(p), lib.SQLITE_IOERR_WRITE)
}

func fileTruncate(tls *libc.TLS, f uintptr, size int64) int32 {
	do := func() error {
		theirs, m := beneath(f)
		return outcome(call[func(*libc.TLS, uintptr, int64) int32](m.FxTruncate)(tls, theirs, size))
	}
	if l := layered(f); l != nil {
		return code(l.Truncate(size, do), lib.SQLITE_IOERR_TRUNCATE)
	}
	return code(do(), lib.SQLITE_IOERR_TRUNCATE)
}

func fileSync(tls *libc.TLS, f uintptr, flags int32) int32 {
	do := func() (bool, error) {
		theirs, m := beneath(f)
		rc := call[func(*libc.TLS, uintptr, int32) int32](m.FxSync)(tls, theirs, flags)
		return openedFolder(tls), outcome(rc)
	}
	if l := layered(f); l != nil {
		return code(l.Sync(do), lib.SQLITE_IOERR_FSYNC)
	}
	_, err := do()
	return code(err, lib.SQLITE_IOERR_FSYNC)
}
