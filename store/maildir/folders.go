package maildir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"posthorn/mail"
	"posthorn/store"
)

// Make makes the data folder with its parents. That it is there already does not
// say that its entry is durable: whoever made it may have been killed before the
// sync. A parent that may not be read, or is of a file system that syncs no
// folders, is somebody else's, and so is that entry.
func (b *Blobs) Make() error {
	root, err := filepath.Abs(b.root)
	if err != nil {
		return err
	}
	if i, err := os.Stat(root); err == nil && i.IsDir() {
		err := b.disk.SyncFolder(filepath.Dir(root))
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EINVAL) {
			return nil
		}
		return err
	}
	return b.makeFolder(root)
}

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
	f, err := b.disk.Create(filepath.Join(b.folder(p), "maildirfolder")) // Maildir++
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// makeFolder makes a folder with its parents, each synced into its parent.
func (b *Blobs) makeFolder(path string) error {
	err := b.disk.Mkdir(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := b.makeFolder(filepath.Dir(path)); err != nil {
			return err
		}
		err = b.disk.Mkdir(path)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return b.disk.SyncFolder(filepath.Dir(path))
}

// places lists the account's folders: its INBOX and those with a dot.
func (b *Blobs) places(dir string) ([]store.Place, error) {
	all := []store.Place{{Dir: dir}}
	if dir == "" {
		return all, nil
	}
	entries, err := os.ReadDir(b.folder(all[0]))
	if errors.Is(err, unix.ENOTDIR) {
		return nil, nil // a file that somebody has put there
	}
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

// RenameFolder moves a folder with its files: ErrExists where both names are
// there. That only the new one is there is what a crash leaves.
func (b *Blobs) RenameFolder(from, to store.Place) error {
	if from.Dir != to.Dir || from.Folder == "" || to.Folder == "" {
		return fmt.Errorf("rename folder %q to %q: %w", from.Folder, to.Folder, store.ErrInvalid)
	}
	_, was := os.Lstat(b.folder(from))
	_, is := os.Lstat(b.folder(to))
	var err error
	switch {
	case was == nil && is == nil:
		err = store.ErrExists
	case is != nil:
		err = b.disk.Rename(b.folder(from), b.folder(to))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no message ever came here
	}
	if err == nil {
		err = b.disk.SyncFolder(filepath.Dir(b.folder(to)))
	}
	if err != nil {
		return fmt.Errorf("rename folder %q to %q: %w", from.Folder, to.Folder, kind(err))
	}
	return nil
}

// RemoveFolder removes a folder in which there is nothing but notes; INBOX's is
// the whole account's. A folder with anything else in it stays.
func (b *Blobs) RemoveFolder(p store.Place) error {
	if p.Dir == "" {
		return fmt.Errorf("remove the spool: %w", store.ErrInvalid)
	}
	if err := b.removeFolder(p); err != nil {
		return fmt.Errorf("remove folder %q of %s: %w", p.Folder, p.Dir, err)
	}
	return nil
}

func (b *Blobs) removeFolder(p store.Place) error {
	folder := b.folder(p)
	names, err := list(context.Background(), folder)
	if err != nil {
		return err
	}
	var notes, folders []string
	for _, n := range names {
		switch {
		case n == "cur" || n == "new" || n == "tmp":
			folders = append(folders, filepath.Join(folder, n))
		case n == "maildirfolder" || strings.HasPrefix(n, notePrefix):
			notes = append(notes, filepath.Join(folder, n))
		default:
			return fmt.Errorf("there is %s in it: %w", n, store.ErrExists)
		}
	}
	folders = append(folders, folder)
	if p.Folder == "" {
		folders = append(folders, filepath.Dir(folder))
	}
	// The content's folders are removed before the notes: one that is not empty
	// fails, and keeps its notes.
	for len(folders) > 0 && filepath.Dir(folders[0]) == folder {
		if err := b.disk.Remove(folders[0]); err != nil {
			return err
		}
		folders = folders[1:]
	}
	for _, path := range append(notes, folders...) {
		if err := b.disk.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// notePrefix begins the names of all notes.
const notePrefix = "posthorn-"

// noteFolder is where a place's notes are: those of all accounts in the data
// folder, the others beside the content.
func (b *Blobs) noteFolder(p store.Place) string {
	if p.Dir == "" {
		return b.root
	}
	return b.folder(p)
}

// WriteNote keeps a small file beside the content of a folder.
func (b *Blobs) WriteNote(p store.Place, name string, note []byte) error {
	if err := b.writeNote(p, name, note); err != nil {
		return fmt.Errorf("note %s in %q: %w", name, p.Folder, kind(err))
	}
	return nil
}

func (b *Blobs) writeNote(p store.Place, name string, note []byte) error {
	path := filepath.Join(b.noteFolder(p), name)
	building := path + ".new" + mail.NewID()
	f, err := b.disk.Create(building)
	if errors.Is(err, fs.ErrNotExist) {
		if err = b.makeFolder(filepath.Dir(path)); err == nil { // those of content come with content
			f, err = b.disk.Create(building)
		}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(note)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = b.disk.Rename(building, path)
	}
	if err != nil {
		b.disk.Remove(building)
		return err
	}
	return b.disk.SyncFolder(b.noteFolder(p))
}

// ReadNote reads a note back; fs.ErrNotExist.
func (b *Blobs) ReadNote(p store.Place, name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(b.noteFolder(p), name))
}
