// Package vfs lays a layer between SQLite and its files, for tests: one that
// notes down what is written in which order, or that fails calls as a disk does.
// No program imports it; internal/db knows nothing of it.
//
// Lay registers a VFS with SQLite (https://sqlite.org/vfs.html) that becomes the
// default, so that connections opened from then on, in the whole process, go
// through it. It hands every call to the VFS of the operating system, and asks
// the layer of a file's folder before those that change the disk. Files in other
// folders pass untouched. Locks and shared memory (the -shm file, which SQLite
// makes anew after a crash) are the operating system's and are not shown.
//
// This file is the face. The other side, in C's calling convention as
// modernc.org/sqlite translates it, is in methods.go.
package vfs

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
	lib "modernc.org/sqlite/lib"
)

// Layer is asked before SQLite changes a folder. What a method gets as do is the
// call itself: the layer runs it, at the moment it likes, or does not. Its own
// error is what SQLite gets to hear: unix.ENOSPC of a write as SQLITE_FULL, any
// other as the I/O error of that call, as the operating system's VFS has it.
type Layer interface {
	// Open opens path, and makes it when it is not there.
	Open(path string, do func() error) (File, error)
	// Delete unlinks path; folder tells whether the folder is to be synced.
	Delete(path string, folder bool, do func() error) error
}

// File is an open file, asked before it is changed. Several may be open on one
// path.
type File interface {
	// Write writes p at an offset; do may be given less than all of it.
	Write(p []byte, at int64, do func(p []byte) error) error
	Truncate(size int64, do func() error) error
	// Sync syncs the file; do tells whether it has synced the folder as well, as
	// it does the first time after a journal or a log was made.
	Sync(do func() (folder bool, err error)) error
	Close()
}

// Code is a result code of SQLite that is no success.
type Code int32

func (c Code) Error() string { return fmt.Sprintf("SQLite result code %d", int32(c)) }

// layers are those of folders.
var layers struct {
	sync.RWMutex
	of map[string]Layer
}

// Lay puts a layer over the files of a folder and those below, and over the layer
// that the folder has, until remove is called; the last one goes first. Connections that are open already do not see it; those opened
// meanwhile keep it.
func Lay(dir string, l Layer) (remove func(), err error) {
	if err := register(); err != nil {
		return nil, err
	}
	dir, err = filepath.EvalSymlinks(dir) // SQLite does the same
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("lay: %w", err)
	}
	layers.Lock()
	defer layers.Unlock()
	if layers.of == nil {
		layers.of = make(map[string]Layer)
	}
	was := layers.of[dir]
	if layers.of[dir] = l; was != nil {
		layers.of[dir] = stack{l, was}
	}
	return func() {
		layers.Lock()
		defer layers.Unlock()
		if layers.of[dir] = was; was == nil {
			delete(layers.of, dir)
		}
	}, nil
}

// over is the layer over a path, nil when there is none.
func over(path string) Layer {
	layers.RLock()
	defer layers.RUnlock()
	for dir, l := range layers.of {
		if strings.HasPrefix(path, dir+"/") {
			return l
		}
	}
	return nil
}

// code is what SQLite is told of an error.
func code(err error, otherwise int32) int32 {
	var c Code
	switch {
	case err == nil:
		return lib.SQLITE_OK
	case errors.As(err, &c):
		return int32(c)
	case otherwise == lib.SQLITE_IOERR_WRITE && errors.Is(err, unix.ENOSPC):
		return lib.SQLITE_FULL
	}
	return otherwise
}

// outcome is the error of a result code.
func outcome(rc int32) error {
	if rc == lib.SQLITE_OK {
		return nil
	}
	return Code(rc)
}
