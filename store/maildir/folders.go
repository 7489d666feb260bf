package maildir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"posthorn/store"
)

// make makes a place's folders, those of Maildir, and syncs what holds them, so
// that only the folder of the content itself is left for Sync.
func (b *Blobs) make(p store.Place) error {
	if p.Dir == "" {
		return b.makeFolder(b.files(p))
	}
	for _, sub := range []string{"new", "tmp", "cur"} { // cur last: it is what others look for
		if err := b.makeFolder(filepath.Join(b.folder(p), sub)); err != nil {
			return err
		}
	}
	if p.Folder == "" {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(b.folder(p), "maildirfolder"), os.O_CREATE|os.O_WRONLY, 0o600) // Maildir++
	if err != nil {
		return err
	}
	return f.Close()
}

// makeFolder makes a folder with its parents, each synced into its parent.
func (b *Blobs) makeFolder(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err := b.makeFolder(filepath.Dir(path)); err != nil {
			return err
		}
		err = os.Mkdir(path, 0o700)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return b.syncFolder(filepath.Dir(path))
}

func (b *Blobs) syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return b.disk.sync(d)
}

// places lists the account's folders: its INBOX and those with a dot.
func (b *Blobs) places(dir string) ([]store.Place, error) {
	all := []store.Place{{Dir: dir}}
	if dir == "" {
		return all, nil
	}
	entries, err := os.ReadDir(b.folder(all[0]))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if e.IsDir() && e.Name()[0] == '.' {
			all = append(all, store.Place{Dir: dir, Folder: e.Name()})
		}
	}
	return all, nil
}

// RenameFolder moves a folder with its files.
func (b *Blobs) RenameFolder(from, to store.Place) error {
	if from.Dir != to.Dir || from.Folder == "" || to.Folder == "" {
		return fmt.Errorf("rename folder %q to %q: %w", from.Folder, to.Folder, store.ErrInvalid)
	}
	if _, err := os.Lstat(b.folder(to)); err == nil {
		return fmt.Errorf("rename folder %q to %q: %w", from.Folder, to.Folder, store.ErrExists)
	}
	err := os.Rename(b.folder(from), b.folder(to))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no message ever came here
	}
	if err == nil {
		err = b.syncFolder(filepath.Dir(b.folder(to)))
	}
	if err != nil {
		return fmt.Errorf("rename folder %q to %q: %w", from.Folder, to.Folder, kind(err))
	}
	return nil
}

// RemoveFolder removes a folder in which there is no content. Notes go with it.
func (b *Blobs) RemoveFolder(p store.Place) error {
	if p.Folder == "" {
		return fmt.Errorf("remove folder of %s: %w", p.Dir, store.ErrInvalid)
	}
	for _, sub := range []string{"cur", "new", "tmp"} {
		err := os.Remove(filepath.Join(b.folder(p), sub))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove folder %q: %w", p.Folder, err)
		}
	}
	if err := os.RemoveAll(b.folder(p)); err != nil {
		return fmt.Errorf("remove folder %q: %w", p.Folder, err)
	}
	return nil
}

// WriteNote keeps a small file beside the content of a folder.
func (b *Blobs) WriteNote(p store.Place, name string, note []byte) error {
	if err := b.writeNote(p, name, note); err != nil {
		return fmt.Errorf("note %s in %q: %w", name, p.Folder, kind(err))
	}
	return nil
}

func (b *Blobs) writeNote(p store.Place, name string, note []byte) error {
	if err := b.make(p); err != nil {
		return err
	}
	f, err := os.CreateTemp(b.folder(p), name+".new")
	if err != nil {
		return err
	}
	_, err = f.Write(note)
	if err == nil {
		err = b.disk.sync(f)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(b.folder(p), name))
	}
	if err != nil {
		os.Remove(f.Name())
		return err
	}
	return b.syncFolder(b.folder(p))
}

// ReadNote reads a note back; fs.ErrNotExist.
func (b *Blobs) ReadNote(p store.Place, name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(b.folder(p), name))
}
