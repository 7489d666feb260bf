package powercut

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"posthorn/internal/db/vfs"
	"posthorn/store/maildir"
)

// Recorder is a maildir.Disk and a vfs.Layer that writes down what passes. The
// calls themselves go to the disk beneath, one at a time, so that their order in
// the log is the order in which they happened; syncs overlap.
type Recorder struct {
	root    string
	beneath maildir.Disk
	latency time.Duration
	remove  func() // takes the layer off SQLite's files

	mu   sync.Mutex
	log  Log
	tree *node // as it is now
	last int   // node numbers given
	open map[*node]bool
}

// node is a file or folder of the tree.
type node struct {
	number int
	inode  uint64           // of a database's file
	open   int              // descriptors
	names  map[string]*node // of a folder; nil for a file
}

// Record begins to record what happens to a folder. What is there is taken for
// durable. A sync takes latency, so that others happen meanwhile. The caller
// opens content on the Recorder; databases find it by the folder. Stop ends it.
func Record(root string, beneath maildir.Disk, latency time.Duration) (*Recorder, error) {
	root, err := filepath.EvalSymlinks(root) // as SQLite knows it
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	r := &Recorder{root: root, beneath: beneath, latency: latency, log: Log{base: make(map[int]*inode)}, open: make(map[*node]bool)}
	if r.tree, err = r.take(root); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	r.log.root = r.tree.number
	if r.remove, err = vfs.Lay(root, r); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	return r, nil
}

// take makes what is on the disk the beginning of the log.
func (r *Recorder) take(path string) (*node, error) {
	r.last++
	n, in := &node{number: r.last}, &inode{}
	r.log.base[n.number] = in
	st, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	in.changed, n.inode = st.ModTime().UnixNano(), st.Sys().(*syscall.Stat_t).Ino
	if !st.IsDir() {
		in.data, err = os.ReadFile(path)
		return n, err
	}
	n.names, in.names = make(map[string]*node), make(map[string]int)
	entries, err := os.ReadDir(path)
	for i := 0; i < len(entries) && err == nil; i++ {
		name := entries[i].Name()
		if ignored(name) {
			continue
		}
		if n.names[name], err = r.take(filepath.Join(path, name)); err == nil {
			in.names[name] = n.names[name].number
		}
	}
	return n, err
}

// ignored are files of which nothing is expected after a crash.
func ignored(name string) bool { return name == "lock" || strings.HasSuffix(name, "-shm") }

// Stop ends the recording and gives the log.
func (r *Recorder) Stop() *Log {
	r.remove()
	r.mu.Lock()
	defer r.mu.Unlock()
	return &r.log
}

// Say writes a word of the test into the log.
func (r *Recorder) Say(word string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log.entries = append(r.log.entries, entry{kind: says, word: word})
}

// Len is how long the log is now.
func (r *Recorder) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.log.entries)
}

// find walks to a path; mu is held.
func (r *Recorder) find(path string) *node {
	rel, err := filepath.Rel(r.root, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		panic(fmt.Sprintf("%s is not in %s", path, r.root))
	}
	n := r.tree
	if rel == "." {
		return n
	}
	for name := range strings.SplitSeq(rel, "/") {
		if n = n.names[name]; n == nil {
			return nil
		}
	}
	return n
}

// place is the folder a path is in, and its name there; mu is held.
func (r *Recorder) place(path string) (*node, string) {
	dir := r.find(filepath.Dir(path))
	if dir == nil {
		panic(fmt.Sprintf("%s: its folder was not made here", path))
	}
	return dir, filepath.Base(path)
}

// note writes an entry down; mu is held.
func (r *Recorder) note(e entry) {
	if rel, err := filepath.Rel(r.root, e.path); err == nil {
		e.path = rel
	}
	r.log.entries = append(r.log.entries, e)
}

// made notes a new file or folder; mu is held.
func (r *Recorder) made(path string, folder bool) *node {
	dir, name := r.place(path)
	r.last++
	n := &node{number: r.last}
	if folder {
		n.names = make(map[string]*node)
	}
	dir.names[name] = n
	r.note(entry{kind: makes, node: n.number, dir: dir.number, name: name, folder: folder, path: path})
	return n
}

// Create is maildir.Disk's.
func (r *Recorder) Create(path string) (maildir.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, err := r.beneath.Create(path)
	if err != nil {
		return nil, err
	}
	n := r.made(path, false)
	r.opened(n)
	return &file{File: f, of: r, node: n}, nil
}

// opened and closed count a file's descriptors; mu is held.
func (r *Recorder) opened(n *node) {
	n.open++
	r.open[n] = true
}

func (r *Recorder) closed(n *node) {
	if n.open--; n.open == 0 {
		delete(r.open, n)
	}
}

// Mkdir is maildir.Disk's.
func (r *Recorder) Mkdir(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.beneath.Mkdir(path)
	if err == nil {
		r.made(path, true)
	}
	return err
}

// Link is maildir.Disk's.
func (r *Recorder) Link(from, to string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.beneath.Link(from, to); err != nil {
		return err
	}
	n := r.find(from)
	dir, name := r.place(to)
	dir.names[name] = n
	r.note(entry{kind: links, node: n.number, dir: dir.number, name: name, path: to})
	return nil
}

// Rename is maildir.Disk's.
func (r *Recorder) Rename(from, to string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.beneath.Rename(from, to); err != nil {
		return err
	}
	dir, name := r.place(from)
	toDir, toName := r.place(to)
	n := dir.names[name]
	if toDir.names[toName] == n && n != nil {
		return nil // two names of one file: rename(2) does nothing
	}
	delete(dir.names, name)
	toDir.names[toName] = n
	r.note(entry{kind: renames, node: n.number, dir: dir.number, name: name, toDir: toDir.number, toName: toName, path: from})
	return nil
}

// Remove is maildir.Disk's.
func (r *Recorder) Remove(path string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.beneath.Remove(path)
	if err == nil {
		r.unlinked(path)
	}
	return err
}

// unlinked notes that a name is gone; mu is held.
func (r *Recorder) unlinked(path string) {
	dir, name := r.place(path)
	n := dir.names[name]
	delete(dir.names, name)
	r.note(entry{kind: unlinks, node: n.number, dir: dir.number, name: name, path: path})
}

// SetTime is maildir.Disk's.
func (r *Recorder) SetTime(path string, t time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.beneath.SetTime(path, t)
	if err == nil {
		r.note(entry{kind: times, node: r.find(path).number, at: t.UnixNano(), path: path})
	}
	return err
}

// SyncFolder is maildir.Disk's.
func (r *Recorder) SyncFolder(path string) error {
	if path == filepath.Dir(r.root) {
		return r.beneath.SyncFolder(path) // the root's own entry is taken for durable
	}
	r.mu.Lock()
	n := r.find(path)
	r.mu.Unlock()
	if n == nil {
		return &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return r.sync(n, path, func() error { return r.beneath.SyncFolder(path) })
}

// sync runs a sync, with others beside it, and notes when it began and that it
// ended.
func (r *Recorder) sync(n *node, path string, do func() error) error {
	return r.end(entry{kind: syncs, node: n.number, began: r.Len(), path: path}, fails, do)
}

func (r *Recorder) end(e entry, failed kind, do func() error) error {
	err := do()
	if r.latency > 0 {
		time.Sleep(r.latency) // the disk's, which nothing waits for but this sync
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		e.kind = failed
		for n := range r.open {
			e.open = append(e.open, n.number)
		}
	}
	r.note(e)
	return err
}

// OpenRoot is maildir.Disk's.
func (r *Recorder) OpenRoot(path string) (maildir.Root, error) {
	beneath, err := r.beneath.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return wholeDisk{beneath, r, path}, nil
}

// wholeDisk is what the whole file system is synced by.
type wholeDisk struct {
	maildir.Root
	of   *Recorder
	path string
}

func (w wholeDisk) Sync() error {
	return w.of.end(entry{kind: syncsAll, began: w.of.Len(), path: filepath.Join(w.path, "*")}, failsAll, w.Root.Sync)
}

// file is a file of a message or a note.
type file struct {
	maildir.File
	of   *Recorder
	node *node
	size int64
}

func (f *file) Write(p []byte) (int, error) {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	n, err := f.File.Write(p)
	if n > 0 {
		f.of.note(entry{kind: writes, node: f.node.number, at: f.size, data: append([]byte(nil), p[:n]...), path: f.Name()})
		f.size += int64(n)
	}
	return n, err
}

func (f *file) Close() error {
	f.of.mu.Lock()
	defer f.of.mu.Unlock()
	f.of.closed(f.node)
	return f.File.Close()
}

func (f *file) Sync() error { return f.of.sync(f.node, f.Name(), f.File.Sync) }
