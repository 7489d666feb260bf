package store

import (
	"context"
	"io"
	"time"
)

// Place is where a file of content lives: a folder of an account's Maildir, or
// the spool. Folder is as FolderName made it.
type Place struct {
	Dir    string // Account.Dir; "" is the spool
	Folder string // "" is INBOX
}

// File names one file of content. Info is what is expected to stand in its name
// behind key and size, as ",U=3:2,FS"; it is a hint.
type File struct {
	Place
	Key  Key
	Size int64
	Info string
}

// Blobs keeps content. store/maildir is the one on a local disk. What it has
// synced it never changes and never loses; a name it was not told to remove
// stays. Its methods may be called from many goroutines; what may have to list a
// folder of a million files ends with the context.
type Blobs interface {
	// Make makes the data folder with its parents, where it is not there, and
	// makes its entry durable. The store asks before anything else.
	Make() error

	// Stage writes what r gives under a new key where no mail program looks,
	// unsynced.
	Stage(r io.Reader) (Staged, error)

	// Restage stages content that is there already under a new key.
	Restage(ctx context.Context, f File) (Staged, error)

	// Sync makes content and names durable, an error for each batch of files.
	Sync(batches []Unsynced) []error

	// NewKey gives a key that no content has.
	NewKey() Key

	// Write writes content under all its names, in the place of whatever has
	// them, unsynced: SyncAll makes durable what was written before it began.
	// After an error some of the names may be there.
	Write(k Key, content []byte, names []File) error

	// SyncAll fails when anything that was written since the last SyncAll may
	// not be on the disk; which, nobody knows.
	SyncAll() error

	// CanSyncAll tells why Write and SyncAll cannot be relied on; nil: they can.
	CanSyncAll() error

	// Locate finds the files of an account, or of the spool, whose keys are
	// wanted.
	Locate(ctx context.Context, dir string, wanted func(Key) bool) (map[Key]Found, error)

	// Close lets go of what is held open.
	Close() error

	// Open opens content. When it is not where f says, without info or with it,
	// all folders of the account are looked through for the key. ErrCorrupt: it
	// is nowhere, or has another size than f says.
	Open(ctx context.Context, f File) (Reader, error)

	// Expect says that a file is where f says, though it may be asked for
	// elsewhere before Rename has moved it. It is a hint.
	Expect(f File)

	// Path says where f should be, for people.
	Path(f File) string

	// Remove takes one name away; none there is no error.
	Remove(ctx context.Context, f File) error

	// SyncRemoved makes durable what Remove has taken away since it succeeded
	// last.
	SyncRemoved() error

	// Rename moves a file to another place and info in one step; when the place
	// is another both are synced. A file that is not where f says is looked for
	// in the account's folders.
	Rename(ctx context.Context, f File, to Place, info string) error

	// SetTime gives content the time Walk will show.
	SetTime(ctx context.Context, f File, t time.Time) error

	// RenameFolder moves a folder with its files, and makes that durable; the
	// account must be one. One that has been moved already is no error; ErrExists
	// when both places have a folder.
	RenameFolder(from, to Place) error

	// RemoveFolder removes a folder without content; one with content stays.
	RemoveFolder(p Place) error

	// WriteNote keeps a small file beside the content of a folder, for Reindex:
	// written, synced and then put in the place of the old one.
	WriteNote(p Place, name string, note []byte) error

	// ReadNote reads it back; fs.ErrNotExist.
	ReadNote(p Place, name string) ([]byte, error)

	// NoteExpunged writes down, unsynced, that files are going to be
	// removed, for Reindex. Their account and key count: accounts share keys.
	NoteExpunged(files []File) error

	// Expunged gives what NoteExpunged has written down, with account and key alone.
	Expunged(ctx context.Context) (map[File]bool, error)

	// ForgetExpunged forgets what was written down before a time.
	ForgetExpunged(ctx context.Context, before time.Time) error

	// Walk calls fn with every place there is and its files, by account; more than
	// once, in a row, for a place with many.
	Walk(ctx context.Context, fn func(p Place, files []Found) error) error

	// Names gives every name a key has in an account at this moment.
	Names(ctx context.Context, dir string, k Key) ([]Found, error)

	// RemoveName takes away the one name that was found, and no other.
	RemoveName(f Found) error

	// Staged lists the keys that are still staged. The store asks when it opens.
	Staged(ctx context.Context) ([]Key, error)

	// Unstage ends what a crash has left of a staged key. lost: no row has it,
	// so the names it was given go too.
	Unstage(ctx context.Context, k Key, lost bool) error

	// Space is how many octets can still be written; ErrNoSpace where hardly a
	// file can be made.
	Space() (int64, error)
}

// Found is a file of content as Walk saw it. Size is what its name says, Real
// what the disk says.
type Found struct {
	File
	Real int64
	Path string // for people
	Time time.Time
}

// Reader reads content at any offset.
type Reader interface {
	io.Reader
	io.ReaderAt
	io.Closer
	Size() int64
}

// Staged is content that has a key and no place yet.
type Staged interface {
	Key() Key
	Size() int64
	// Link gives the content a name, unsynced: there may be many, of one inode.
	Link(f File) error
	// Sync makes the content durable ahead of the commit, and lets go of what
	// holding it open costs. A commit syncs what was not synced.
	Sync() error
	// Discard takes the staged name away, and closes; given names stay. More
	// than once does no harm.
	Discard() error
}

// Unsynced is what one Commit needs on the disk before its rows: new content,
// and the folders of new names.
type Unsynced struct {
	Staged []Staged
	Files  []File
}

// Octets bounds the batch.
func (u Unsynced) Octets() (n int64) {
	for _, s := range u.Staged {
		n += s.Size()
	}
	return n
}
