// Package faults makes a disk fail, for tests: a Disk lies beneath a store's
// content (maildir.Disk) and its databases (internal/db/vfs), counts the calls of
// each kind, and fails those that a Fault names.
package faults

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"posthorn/internal/db/vfs"
	"posthorn/store/maildir"
)

// Kind is what a call does, and to what.
type Kind string

// The kinds of content, and of databases: their log, the file itself.
const (
	Create     Kind = "create"
	Write      Kind = "write"
	Sync       Kind = "sync"
	SyncFolder Kind = "sync folder"
	SyncAll    Kind = "sync all"
	Mkdir      Kind = "mkdir"
	Link       Kind = "link"
	Rename     Kind = "rename"
	Remove     Kind = "remove"
	SetTime    Kind = "set time"

	OpenDatabase     Kind = "open database"
	WriteLog         Kind = "write log"
	SyncLog          Kind = "sync log"
	WriteDatabase    Kind = "write database"
	SyncDatabase     Kind = "sync database"
	TruncateDatabase Kind = "truncate database"
)

// Kinds are all of them.
var Kinds = []Kind{Create, Write, Sync, SyncFolder, SyncAll, Mkdir, Link, Rename, Remove, SetTime,
	OpenDatabase, WriteLog, SyncLog, WriteDatabase, SyncDatabase, TruncateDatabase}

// Fault fails calls of one kind.
type Fault struct {
	Kind  Kind
	From  int        // the first call that fails, counted from 1 when the fault is set
	Times int        // how many fail, one after the other
	Err   unix.Errno // EIO, ENOSPC
	Short bool       // a write writes half of what it was given before it fails
}

func (f Fault) String() string {
	short := ""
	if f.Short {
		short = " after half of it"
	}
	return fmt.Sprintf("%s %d to %d: %s%s", f.Kind, f.From, f.From+f.Times-1, f.Err.Error(), short)
}

// Disk fails as its faults say.
type Disk struct {
	beneath maildir.Disk
	remove  func()

	mu     sync.Mutex
	faults []Fault
	calls  map[Kind]int // since the faults were set
	failed map[Kind]int // since then
}

// On puts a disk that can fail beneath the databases of a folder; the caller
// opens content on it. It works until Set, and after Remove.
func On(root string, beneath maildir.Disk) (*Disk, error) {
	d := &Disk{beneath: beneath, calls: make(map[Kind]int), failed: make(map[Kind]int)}
	var err error
	d.remove, err = vfs.Lay(root, d)
	return d, err
}

// Set begins to count, and fails what the faults say, of which there is one for a
// kind.
func (d *Disk) Set(all ...Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.calls)
	clear(d.failed)
	d.faults = all
}

// Over tells whether all calls have failed that were to.
func (d *Disk) Over() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.faults {
		if d.failed[f.Kind] < f.Times {
			return false
		}
	}
	return true
}

// Failed is how many calls of a kind have failed.
func (d *Disk) Failed(k Kind) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failed[k]
}

// End ends the faults.
func (d *Disk) End() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = nil
}

// Remove takes the disk off the databases that are opened from now on.
func (d *Disk) Remove() { d.remove() }

// call counts a call. When it is to fail the fault comes back.
func (d *Disk) call(k Kind) *Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls[k]++
	n := d.calls[k]
	for _, f := range d.faults {
		if f.Kind == k && n >= f.From && n < f.From+f.Times {
			d.failed[k]++
			return &f
		}
	}
	return nil
}

// fails is the error of a call that is to fail, nil for one that is not.
func (d *Disk) fails(k Kind, path string) error {
	if f := d.call(k); f != nil {
		return &failure{string(k), path, f.Err}
	}
	return nil
}

// failure is the error of a call that was made to fail.
type failure struct {
	op, path string
	err      unix.Errno
}

func (f *failure) Error() string { return f.op + " " + filepath.Base(f.path) + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// content is a maildir.Disk.
type content struct{ *Disk }

// Content is the disk that content is opened on.
func (d *Disk) Content() maildir.Disk { return content{d} }

func (c content) Create(path string) (maildir.File, error) {
	if err := c.fails(Create, path); err != nil {
		return nil, err
	}
	f, err := c.beneath.Create(path)
	if err != nil {
		return nil, err
	}
	return &file{f, c.Disk}, nil
}

func (c content) Mkdir(path string) error {
	if err := c.fails(Mkdir, path); err != nil {
		return err
	}
	return c.beneath.Mkdir(path)
}

func (c content) Link(from, to string) error {
	if err := c.fails(Link, to); err != nil {
		return err
	}
	return c.beneath.Link(from, to)
}

func (c content) Rename(from, to string) error {
	if err := c.fails(Rename, to); err != nil {
		return err
	}
	return c.beneath.Rename(from, to)
}

func (c content) Remove(path string) error {
	if err := c.fails(Remove, path); err != nil {
		return err
	}
	return c.beneath.Remove(path)
}

func (c content) SetTime(path string, t time.Time) error {
	if err := c.fails(SetTime, path); err != nil {
		return err
	}
	return c.beneath.SetTime(path, t)
}

func (c content) SyncFolder(path string) error {
	if err := c.fails(SyncFolder, path); err != nil {
		return err
	}
	return c.beneath.SyncFolder(path)
}

func (c content) OpenRoot(path string) (maildir.Root, error) {
	r, err := c.beneath.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return root{r, c.Disk}, nil
}

// root is what the whole file system is synced by.
type root struct {
	maildir.Root
	of *Disk
}

func (r root) Sync() error {
	if err := r.of.fails(SyncAll, "."); err != nil {
		return err
	}
	return r.Root.Sync()
}

// file is a file of content.
type file struct {
	maildir.File
	of *Disk
}

func (f *file) Write(p []byte) (int, error) {
	fault := f.of.call(Write)
	if fault == nil {
		return f.File.Write(p)
	}
	n := 0
	if fault.Short {
		var err error
		if n, err = f.File.Write(p[:len(p)/2]); err != nil {
			return n, err
		}
	}
	return n, &failure{string(Write), f.Name(), fault.Err}
}

func (f *file) Sync() error {
	if err := f.of.fails(Sync, f.Name()); err != nil {
		return err
	}
	return f.File.Sync()
}

// Open is vfs.Layer's.
func (d *Disk) Open(path string, do func() error) (vfs.File, error) {
	if err := d.fails(OpenDatabase, path); err != nil {
		return nil, err
	}
	f := &database{of: d, path: path, write: WriteDatabase, sync: SyncDatabase, truncate: TruncateDatabase}
	if strings.HasSuffix(path, "-wal") {
		f.write, f.sync, f.truncate = WriteLog, SyncLog, ""
	}
	return f, do()
}

// Delete is vfs.Layer's.
func (d *Disk) Delete(_ string, _ bool, do func() error) error { return do() }

// database is a file that SQLite has open.
type database struct {
	of                    *Disk
	path                  string
	write, sync, truncate Kind
}

func (f *database) Write(p []byte, _ int64, do func([]byte) error) error {
	fault := f.of.call(f.write)
	if fault == nil {
		return do(p)
	}
	if fault.Short {
		if err := do(p[:len(p)/2]); err != nil {
			return err
		}
	}
	return &failure{string(f.write), f.path, fault.Err}
}

func (f *database) Truncate(_ int64, do func() error) error {
	if err := f.of.fails(f.truncate, f.path); err != nil {
		return err
	}
	return do()
}

func (f *database) Sync(do func() (bool, error)) error {
	if err := f.of.fails(f.sync, f.path); err != nil {
		return err
	}
	_, err := do()
	return err
}

func (f *database) Close() {}
