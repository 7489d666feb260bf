package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"posthorn/store"
)

// Write writes content behind its commit: under all its names, of one inode, in
// the place of whatever has them, unsynced. A name appears when the content is
// complete. After an error some of the names may be there.
func (b *Blobs) Write(k store.Key, content []byte, names []store.File) error {
	_, err := b.whole.open(b)
	if err == nil {
		err = b.write(b.staging(k), content, names)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", k, kind(err))
	}
	return nil
}

func (b *Blobs) write(path string, content []byte, names []store.File) error {
	err := b.fill(path, content)
	for i := 0; i < len(names)-1 && err == nil; i++ {
		err = b.made(names[i].Place, func() error { return b.linkOver(path, b.path(names[i], names[i].Info)) })
	}
	if last := len(names) - 1; last >= 0 && err == nil {
		to := b.path(names[last], names[last].Info)
		err = b.made(names[last].Place, func() error { return b.disk.Rename(path, to) })
		if err == nil {
			return nil
		}
		if errors.Is(err, unix.EXDEV) {
			err = b.linkOver(path, to)
		}
	}
	if e := b.disk.Remove(path); e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	return err
}

// fill makes a file in staging, in the place of one that a failed try has left.
func (b *Blobs) fill(path string, content []byte) error {
	f, err := b.disk.Create(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err = b.makeFolder(filepath.Dir(path)); err == nil {
			f, err = b.disk.Create(path)
		}
	case errors.Is(err, fs.ErrExist):
		if err = b.disk.Remove(path); err == nil {
			f, err = b.disk.Create(path)
		}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// made does what needs the folder of a place, and makes the folder when it is
// not there yet.
func (b *Blobs) made(p store.Place, do func() error) error {
	err := do()
	if errors.Is(err, fs.ErrNotExist) {
		if err = b.make(p); err == nil {
			err = do()
		}
	}
	return err
}

// linkOver is link(2) that takes the place of an old name. Content on another
// file system is a copy, and made durable here: SyncAll does not reach it.
func (b *Blobs) linkOver(from, to string) error {
	err := b.disk.Link(from, to)
	switch {
	case errors.Is(err, fs.ErrExist):
		side := b.staging(newKey())
		if err = b.disk.Link(from, side); err == nil {
			err = b.disk.Rename(side, to)
		}
	case errors.Is(err, unix.EXDEV), errors.Is(err, unix.EPERM), errors.Is(err, unix.EMLINK), errors.Is(err, unix.ENOTSUP):
		if err = b.disk.Remove(to); err == nil || errors.Is(err, fs.ErrNotExist) {
			err = b.duplicate(from, to)
		}
		if err == nil {
			err = b.disk.SyncFolder(filepath.Dir(to))
		}
	}
	return err
}

// CanSyncAll tells why SyncAll cannot be relied on; nil when it can.
func (b *Blobs) CanSyncAll() error {
	_, err := b.whole.open(b)
	return err
}

// SyncAll makes everything durable that Write has written.
func (b *Blobs) SyncAll() error {
	r, err := b.whole.open(b)
	if err == nil {
		err = r.Sync()
	}
	if err != nil {
		return fmt.Errorf("sync all: %w", kind(err))
	}
	return nil
}

// Close lets go of what is held open.
func (b *Blobs) Close() error {
	b.whole.mu.Lock()
	defer b.whole.mu.Unlock()
	r := b.whole.root
	if b.whole.root = nil; r != nil {
		return r.Close()
	}
	return nil
}

// whole is the root of the file system, open from before the first Write.
type whole struct {
	mu   sync.Mutex
	root Root
}

func (w *whole) open(b *Blobs) (r Root, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.root != nil {
		return w.root, nil
	}
	if err := b.oneSystem(); err != nil {
		return nil, err
	}
	if r, err = b.disk.OpenRoot(b.root); err != nil {
		return nil, err
	}
	w.root = r
	return r, nil
}

// oneSystem fails where staging is on another file system than the root, whose
// sync would not reach what is renamed from there. A folder of content on another
// one cannot be renamed into.
func (b *Blobs) oneSystem() error {
	var root, tmp unix.Stat_t
	err := unix.Stat(b.root, &root)
	if err == nil {
		err = unix.Stat(filepath.Join(b.root, "tmp"), &tmp)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // it will be made here
	case err != nil:
		return fmt.Errorf("file system of %s: %w", b.root, err)
	case root.Dev != tmp.Dev:
		return fmt.Errorf("%s/tmp is on another file system: %w", b.root, errors.ErrUnsupported)
	}
	return nil
}

// Locate finds the files of an account, or of the spool, whose keys are wanted.
func (b *Blobs) Locate(ctx context.Context, dir string, wanted func(store.Key) bool) (map[store.Key]store.Found, error) {
	places, err := b.places(dir)
	if err != nil {
		return nil, fmt.Errorf("locate in %q: %w", dir, err)
	}
	all := make(map[store.Key]store.Found)
	for _, p := range places {
		here, err := b.filesIn(ctx, p, func(name string) bool { return wanted(keyOf(name)) })
		if err != nil {
			return nil, fmt.Errorf("locate in %q: %w", dir, err)
		}
		for _, f := range here {
			all[f.Key] = f
		}
	}
	return all, nil
}
