package powercut

import (
	"os"
	"path/filepath"
	"syscall"

	"posthorn/internal/db/vfs"
)

// Open is vfs.Layer's. A database's file may have been made, or taken away, past
// the layer (by package os, when a new or a spoiled one is begun): what the disk
// has is written down then.
func (r *Recorder) Open(path string, do func() error) (vfs.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := do(); err != nil {
		return nil, err
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	inode := st.Sys().(*syscall.Stat_t).Ino
	n := r.find(path)
	if n != nil && n.inode != inode {
		r.unlinked(path)
		n = nil
	}
	if n == nil {
		n = r.made(path, false)
		n.inode = inode
		if st.Size() > 0 {
			data, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			r.note(entry{kind: writes, node: n.number, data: data, path: path})
		}
	}
	r.opened(n)
	return &database{of: r, node: n, path: path}, nil
}

// Delete is vfs.Layer's.
func (r *Recorder) Delete(path string, folder bool, do func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	began := len(r.log.entries)
	if err := do(); err != nil {
		return err
	}
	if r.find(path) != nil {
		r.unlinked(path)
		began++
	}
	if folder {
		dir, _ := r.place(path)
		r.note(entry{kind: syncs, node: dir.number, began: began, path: filepath.Dir(path)})
	}
	return nil
}

// database is a file that SQLite has open.
type database struct {
	of   *Recorder
	node *node
	path string
}

func (f *database) Write(p []byte, at int64, do func([]byte) error) error {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	err := do(p)
	if err == nil {
		f.of.note(entry{kind: writes, node: f.node.number, at: at, data: append([]byte(nil), p...), path: f.path})
	}
	return err
}

func (f *database) Truncate(size int64, do func() error) error {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	err := do()
	if err == nil {
		f.of.note(entry{kind: truncates, node: f.node.number, at: size, path: f.path})
	}
	return err
}

func (f *database) Sync(do func() (bool, error)) error {
	folder := false
	began := f.of.Len()
	err := f.of.sync(f.node, f.path, func() (err error) {
		folder, err = do()
		return err
	})
	if folder {
		f.of.mu.Lock()
		defer f.of.mu.Unlock()
		dir := filepath.Dir(f.path)
		f.of.note(entry{kind: syncs, node: f.of.find(dir).number, began: began, path: dir})
	}
	return err
}

func (f *database) Close() {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	f.of.closed(f.node)
}
