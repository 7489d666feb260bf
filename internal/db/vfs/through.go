package vfs

import (
	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// The methods of a file that no layer is asked about: each calls the one
// beneath.

func fillTable() {
	table = lib.Tsqlite3_io_methods{
		FiVersion: 3,
		FxClose:   pointer(fileClose), FxRead: pointer(fileRead), FxWrite: pointer(fileWrite), FxTruncate: pointer(fileTruncate),
		FxSync: pointer(fileSync), FxFileSize: pointer(fileSize), FxLock: pointer(fileLock), FxUnlock: pointer(fileUnlock),
		FxCheckReservedLock: pointer(fileCheckReservedLock), FxFileControl: pointer(fileControl), FxSectorSize: pointer(fileSectorSize),
		FxDeviceCharacteristics: pointer(fileDeviceCharacteristics),
		FxShmMap:                pointer(shmMap), FxShmLock: pointer(shmLock), FxShmBarrier: pointer(shmBarrier), FxShmUnmap: pointer(shmUnmap),
		FxFetch: pointer(fileFetch), FxUnfetch: pointer(fileUnfetch),
	}
}

func fileRead(tls *libc.TLS, f, to uintptr, n int32, offset int64) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](m.FxRead)(tls, theirs, to, n, offset)
}

func fileSize(tls *libc.TLS, f, size uintptr) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, uintptr) int32](m.FxFileSize)(tls, theirs, size)
}

func fileLock(tls *libc.TLS, f uintptr, level int32) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, int32) int32](m.FxLock)(tls, theirs, level)
}

func fileUnlock(tls *libc.TLS, f uintptr, level int32) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, int32) int32](m.FxUnlock)(tls, theirs, level)
}

func fileCheckReservedLock(tls *libc.TLS, f, answer uintptr) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, uintptr) int32](m.FxCheckReservedLock)(tls, theirs, answer)
}

func fileControl(tls *libc.TLS, f uintptr, op int32, arg uintptr) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, int32, uintptr) int32](m.FxFileControl)(tls, theirs, op, arg)
}

func fileSectorSize(tls *libc.TLS, f uintptr) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr) int32](m.FxSectorSize)(tls, theirs)
}

func fileDeviceCharacteristics(tls *libc.TLS, f uintptr) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr) int32](m.FxDeviceCharacteristics)(tls, theirs)
}

func shmMap(tls *libc.TLS, f uintptr, region, size, extend int32, to uintptr) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, int32, int32, int32, uintptr) int32](m.FxShmMap)(tls, theirs, region, size, extend, to)
}

func shmLock(tls *libc.TLS, f uintptr, offset, n, flags int32) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, int32, int32, int32) int32](m.FxShmLock)(tls, theirs, offset, n, flags)
}

func shmBarrier(tls *libc.TLS, f uintptr) {
	theirs, m := beneath(f)
	call[func(*libc.TLS, uintptr)](m.FxShmBarrier)(tls, theirs)
}

func shmUnmap(tls *libc.TLS, f uintptr, remove int32) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, int32) int32](m.FxShmUnmap)(tls, theirs, remove)
}

func fileFetch(tls *libc.TLS, f uintptr, offset int64, n int32, to uintptr) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, int64, int32, uintptr) int32](m.FxFetch)(tls, theirs, offset, n, to)
}

func fileUnfetch(tls *libc.TLS, f uintptr, offset int64, page uintptr) int32 {
	theirs, m := beneath(f)
	return call[func(*libc.TLS, uintptr, int64, uintptr) int32](m.FxUnfetch)(tls, theirs, offset, page)
}
