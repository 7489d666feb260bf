// Package maildir keeps content on a local disk, as store.Blobs wants it:
//
//	tmp/KEY                                        staged, perhaps not committed
//	spool/KEY,S=SIZE                               waits in the queue
//	accounts/DIR/Maildir/cur/KEY,S=SIZE[INFO]      in INBOX
//	accounts/DIR/Maildir/.A.B/cur/KEY,S=SIZE[INFO] in mailbox A/B
//	expunged/TIME.RANDOM                           list of keys that are going to be removed
//
// The folders are Maildir++ that any Maildir program can read; one message is
// one file with CRLF line ends. A message for several places is one inode with
// several names, or copies where the file system has no links.
//
// A name is durable when the content and the folder have been synced. A staged
// name stays until the rows are committed, so that after a crash it tells which
// content was on its way. Nothing is unlinked that the store did not ask for by
// its key.
package maildir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"posthorn/mail"
	"posthorn/store"
)

// Blobs is content below one folder.
type Blobs struct {
	root  string
	disk  Disk
	hints hints
	seen  seen
	whole whole

	removed removed
}

// New keeps content below dir, the store's data folder.
func New(dir string) *Blobs { return NewOn(System{}, dir) }

// NewOn is New on another disk than the operating system's.
func NewOn(d Disk, dir string) *Blobs { return &Blobs{root: dir, disk: d} }

func write(f File, r io.Reader) (int64, error) {
	buf := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{f}, r, buf[:])
}

var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// NewKey gives a key that no content has.
func (b *Blobs) NewKey() store.Key { return newKey() }

// newKey is a Maildir unique name: the time, and 64 random bits where others put
// process and host.
func newKey() store.Key {
	return store.Key(fmt.Sprintf("%010d.%s", time.Now().Unix(), mail.NewID()))
}

func (b *Blobs) staging(k store.Key) string { return filepath.Join(b.root, "tmp", string(k)) }

// folder is the folder that has cur in it.
func (b *Blobs) folder(p store.Place) string {
	if p.Dir == "" {
		return filepath.Join(b.root, "spool")
	}
	return filepath.Join(b.root, "accounts", p.Dir, "Maildir", p.Folder)
}

// files is the folder that has the content in it.
func (b *Blobs) files(p store.Place) string {
	if p.Dir == "" {
		return b.folder(p)
	}
	return filepath.Join(b.folder(p), "cur")
}

func name(f store.File, info string) string {
	return string(f.Key) + ",S=" + strconv.FormatInt(f.Size, 10) + info
}

func (b *Blobs) path(f store.File, info string) string {
	return b.files(f.Place) + "/" + name(f, info)
}

// Path says where f should be.
func (b *Blobs) Path(f store.File) string { return b.path(f, f.Info) }

// kind gives an error of the file system the kind the store's callers know.
func kind(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fmt.Errorf("%w: %w", store.ErrNoSpace, err)
	}
	return err
}

// Stage writes what r gives under a new key, unsynced.
func (b *Blobs) Stage(r io.Reader) (store.Staged, error) {
	key := newKey()
	f, err := b.disk.Create(b.staging(key))
	if errors.Is(err, fs.ErrNotExist) {
		if err = b.makeFolder(filepath.Join(b.root, "tmp")); err == nil {
			f, err = b.disk.Create(b.staging(key))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("stage: %w", kind(err))
	}
	s := &staged{b: b, f: f, path: f.Name(), key: key}
	if s.size, err = write(f, r); err != nil {
		s.Discard()
		return nil, fmt.Errorf("stage %s: %w", key, kind(err))
	}
	return s, nil
}

// staged holds its file open until it is discarded: an error the disk meets
// while writing back is told to those who have the file open.
type staged struct {
	b    *Blobs
	f    File // nil when the content is durable
	path string
	key  store.Key
	size int64
	gone bool

	failed error // of a sync: the content is not on the disk and will not be
}

func (s *staged) Key() store.Key { return s.key }
func (s *staged) Size() int64    { return s.size }

func (s *staged) Link(f store.File) error {
	if err := s.b.name(s.path, f); err != nil {
		return fmt.Errorf("link %s: %w", f.Key, kind(err))
	}
	return nil
}

func (s *staged) Sync() error {
	if s.f == nil {
		return nil
	}
	err := s.sync()
	if err == nil {
		err = s.f.Close()
		s.f = nil
	}
	if err != nil {
		return fmt.Errorf("sync %s: %w", s.key, kind(err))
	}
	return nil
}

// sync fails for ever after it has failed once: the kernel tells of a page that
// it could not write only once, and takes it for written from then on.
func (s *staged) sync() error {
	if s.failed == nil {
		s.failed = s.f.Sync()
	}
	return s.failed
}

func (s *staged) Discard() error {
	if s.gone {
		return nil
	}
	s.gone = true
	err := s.b.disk.Remove(s.path)
	if s.f != nil {
		err = errors.Join(err, s.f.Close())
	}
	return err
}

// Restage gives content of the store a second name in staging. It is durable
// already.
func (b *Blobs) Restage(ctx context.Context, f store.File) (store.Staged, error) {
	s := &staged{b: b, key: newKey(), size: f.Size}
	s.path = b.staging(s.key)
	err := b.lookup(ctx, f, func(path string) error { return b.link(path, s.path) })
	if err != nil {
		return nil, fmt.Errorf("stage %s again: %w", f.Key, kind(err))
	}
	return s, nil
}

// name gives the file at path the name of f as well, making the folder of f when
// it is not there yet.
func (b *Blobs) name(path string, f store.File) error {
	to := b.path(f, f.Info)
	err := b.link(path, to)
	if errors.Is(err, fs.ErrNotExist) {
		if _, missing := os.Lstat(path); missing != nil {
			return err // it is the file that is not there
		}
		if err = b.make(f.Place); err == nil {
			err = b.link(path, to)
		}
	}
	return err
}

// link is for file systems without links too, and for more names than an inode
// can have.
func (b *Blobs) link(from, to string) error {
	err := b.disk.Link(from, to)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EMLINK) || errors.Is(err, unix.EXDEV) || errors.Is(err, unix.ENOTSUP) {
		return b.duplicate(from, to)
	}
	return err
}

// duplicate makes a copy. It is synced here: Sync knows only the first.
func (b *Blobs) duplicate(path, to string) (err error) {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := b.disk.Create(to)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			b.disk.Remove(to)
		}
	}()
	if _, err := write(f, from); err != nil {
		return err
	}
	return f.Sync()
}

// Remove takes one name away, wherever in the account it is.
func (b *Blobs) Remove(ctx context.Context, f store.File) error {
	err := b.lookup(ctx, f, func(path string) error {
		err := b.disk.Remove(path)
		if err == nil {
			b.removed.note(filepath.Dir(path))
		}
		return err
	})
	b.seen.drop(f)
	if err == nil || errors.Is(err, store.ErrCorrupt) {
		return nil
	}
	return fmt.Errorf("remove %s: %w", f.Key, err)
}

// fewFiles is how many files a disk must have room for: those of some messages on
// their way, and what SQLite makes.
const fewFiles = 32

// Space is how many octets can still be written; store.ErrNoSpace where hardly a
// file can be made.
func (b *Blobs) Space() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(b.root, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", b.root, err)
	}
	if st.Files > 0 && st.Ffree < fewFiles { // some file systems count none
		return 0, fmt.Errorf("only %d more files fit on the disk of %s (inodes): %w", st.Ffree, b.root, store.ErrNoSpace)
	}
	return int64(st.Bavail) * st.Bsize, nil
}

// related tells whether a file name is of key k or of a key made from k.
func related(name string, k store.Key) bool {
	rest, ok := strings.CutPrefix(name, string(k))
	return ok && (rest == "" || strings.IndexByte(",:-", rest[0]) >= 0)
}
