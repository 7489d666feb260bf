package maildir

import (
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Disk is every call with which Blobs changes what is on the disk, and every
// sync: what can fail, and what a power cut can undo. Reading goes past it. Tests
// put a layer beneath (NewOn) that notes the calls down or fails them.
//
// Errors are those of package os, with paths. A path is absolute, or all are
// relative to one folder.
type Disk interface {
	// Create makes a file, readable by its owner alone: fs.ErrExist when there is
	// one already.
	Create(path string) (File, error)
	// Mkdir makes a folder, open to its owner alone.
	Mkdir(path string) error
	Link(from, to string) error
	// Rename is rename(2): in one step, and over what has the new name.
	Rename(from, to string) error
	// Remove takes away a name, or an empty folder.
	Remove(path string) error
	// SetTime sets the time a file was changed, of all its names.
	SetTime(path string, t time.Time) error
	// SyncFolder makes the names in a folder durable.
	SyncFolder(path string) error
	// OpenRoot opens what the whole file system of a path is synced by;
	// errors.ErrUnsupported where such a sync does not tell of every error.
	OpenRoot(path string) (Root, error)
}

// Root syncs a file system. It tells of each error the disk has met since it was
// opened or last synced, so it is opened before anything is written that it is
// to make durable.
type Root interface {
	Sync() error
	Close() error
}

// File is a file that is being written. Sync makes its content durable, its size
// included; not its name.
type File interface {
	io.WriteCloser
	Name() string
	Sync() error
}

// System is the disk of the operating system.
type System struct{}

func (System) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err // not a File that holds nil
	}
	return f, nil
}

func (System) Mkdir(path string) error    { return os.Mkdir(path, 0o700) }
func (System) Link(from, to string) error { return os.Link(from, to) }
func (System) Remove(path string) error   { return os.Remove(path) }

// Rename is os.Rename without its look at what the new name is before: keys are
// unique, and notes are files.
func (System) Rename(from, to string) error {
	if err := unix.Rename(from, to); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

func (System) SetTime(path string, t time.Time) error { return os.Chtimes(path, time.Time{}, t) }

func (System) SyncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
