package store

// This file is the agreed face; every body is replaced by the store's author.

import (
	"context"
	"io"
	"time"

	"posthorn/internal/db"
	"posthorn/mail"
)

// Blobs keeps content. store/maildir is the one on a local disk.
type Blobs interface {
	// defined by the store's author; see DESIGN §2
}

// Config is what an operator may set.
type Config struct{}

// Store is concrete: only bytes (Blobs) and the SQL dialect vary below it.
type Store struct {
	db       *db.DB
	reserved reservations
	mirror   *mirror
	purge    *purger
}

type mirror struct{}

func (*mirror) account(AccountID) { panic("skeleton") }
func (*mirror) directory()        { panic("skeleton") }

type purger struct{}

func (*purger) now()                     { panic("skeleton") }
func (*Store) wakeWatchers(...AccountID) { panic("skeleton") }
func createMailbox(tx *db.Tx, a AccountID, name string, role Role, subscribed bool) (Box, error) {
	panic("skeleton")
}
func removeSpooled(tx *db.Tx, k Key, size int64, now time.Time) error { panic("skeleton") }

// Open opens or makes the store in dir and takes its lock (ErrInUse names the holder's pid).
func Open(ctx context.Context, dir string, blobs Blobs) (*Store, error) { panic("skeleton") }
func (s *Store) Close() error                                           { panic("skeleton") }

// ---- domains, accounts, addresses

// ---- content and the one write
// Put writes head and content into staging, in the caller's goroutine, unsynced; no lock is held.
func (s *Store) Put(ctx context.Context, m *mail.Mail) (*Blob, error) { panic("skeleton") }

// Discard removes a blob no commit took. It may be called after a commit too: then it does nothing.
func (s *Store) Discard(b *Blob) { panic("skeleton") }

// Commit makes c durable and visible, all or none, and wakes the watchers. It returns after the sync.
func (s *Store) Commit(ctx context.Context, c Change) (Result, error) { panic("skeleton") }

// ---- mailboxes
func (s *Store) Mailboxes(ctx context.Context, a AccountID) ([]Box, error) { panic("skeleton") } // by name
func (s *Store) Mailbox(ctx context.Context, a AccountID, name string) (*Mailbox, error) {
	panic("skeleton")
}
func (s *Store) CreateMailbox(ctx context.Context, a AccountID, name string, role Role) (Box, error) {
	panic("skeleton")
}
func (s *Store) DeleteMailbox(ctx context.Context, a AccountID, name string) error { panic("skeleton") }
func (s *Store) RenameMailbox(ctx context.Context, a AccountID, from, to string) error {
	panic("skeleton") // INBOX: moves its mail; children go along; missing parents are made
}
func (s *Store) Subscribe(ctx context.Context, a AccountID, name string, on bool) error {
	panic("skeleton") // a name may be subscribed without a mailbox
}
func (s *Store) Subscriptions(ctx context.Context, a AccountID) ([]string, error) { panic("skeleton") }

// Watch calls wake (which must not block) after each commit that touches one of the accounts.
func (s *Store) Watch(accounts []AccountID, wake func()) (stop func()) { panic("skeleton") }

// Mailbox is a handle; it stays valid until the mailbox is deleted, then answers ErrNotFound.
type Mailbox struct{}

func (m *Mailbox) Box(ctx context.Context) (Box, error) { panic("skeleton") }

// ClaimRecent gives the first UID that was recent and claims all up to now for the caller.
func (m *Mailbox) ClaimRecent(ctx context.Context) (from UID, err error) { panic("skeleton") }

// Rows calls fn with blocks of rows by UID, all of one state; it holds no read transaction while fn runs
// for long: fn must not block on the network. It returns the state shown.
func (m *Mailbox) Rows(ctx context.Context, fn func([]Row)) (Box, error) { panic("skeleton") }

// Changes since a modification sequence, complete: shows each mailbox change up to Changes.At.
func (m *Mailbox) Changes(ctx context.Context, since ModSeq) (Changes, error) { panic("skeleton") }

// Messages reads full index rows of the UIDs given (ascending), those expunged but not purged included.
func (m *Mailbox) Messages(ctx context.Context, uids []UID) ([]Message, error) { panic("skeleton") }

// SetOp is how SetFlags changes flags.
type SetOp int

const (
	FlagsSet SetOp = iota
	FlagsAdd
	FlagsRemove
)

// SetFlags changes the flags of uids; names of new keywords are made (ErrLimit over MaxKeywords). unchangedSince < 0: no
// condition; else rows with a greater ModSeq are left and named in failed. Rows that would not change keep their ModSeq.
func (m *Mailbox) SetFlags(ctx context.Context, uids []UID, op SetOp, flags Flags, keywords []string, unchangedSince ModSeq) (changed []Row, failed []UID, err error) {
	panic("skeleton")
}

// Expunge removes those of uids (nil: all) that have \Deleted; gone counts as done. anyFlag removes without \Deleted (POP3).
func (m *Mailbox) Expunge(ctx context.Context, uids []UID, anyFlag bool) (expunged []UID, err error) {
	panic("skeleton")
}

// Copied pairs source and destination UIDs, in order.
type Copied struct {
	UIDValidity uint32
	From, To    []UID
}

func (m *Mailbox) Copy(ctx context.Context, uids []UID, to MailboxID) (Copied, error) {
	panic("skeleton")
}
func (m *Mailbox) Move(ctx context.Context, uids []UID, to MailboxID) (Copied, error) {
	panic("skeleton")
}

// Open opens the content of a message of this mailbox: ErrExpunged, ErrCorrupt (missing, or of another size than the row says).
func (m *Mailbox) Open(ctx context.Context, msg Message) (Reader, error) { panic("skeleton") }

// Reader reads content at any offset.
type Reader interface {
	io.Reader
	io.ReaderAt
	io.Closer
	Size() int64
}

// Digests gives message.Digest bytes (see package message) for msgs, from the derived file, computing and keeping those that
// are missing; nil where the content cannot be read.
func (m *Mailbox) Digests(ctx context.Context, msgs []Message) ([][]byte, error) { panic("skeleton") }

// ---- the queue's tables

func (s *Store) OpenItem(ctx context.Context, it Item) (Reader, error) { panic("skeleton") }

// Space fails with ErrNoSpace while the disk has less than need octets free.
func (s *Store) Space(need int64) error { panic("skeleton") }

// Problem is one finding of Check.
type Problem struct {
	Invariant string // "S1".."S8"
	Account   string
	Mailbox   string
	Path      string
	What      string
	Fixed     string // what --fix did, "" when nothing
}

func (s *Store) Check(ctx context.Context, fix bool, progress func(done, total int64)) ([]Problem, error) {
	panic("skeleton")
}

// Reindex rebuilds a lost database from the folders below dir.
func Reindex(ctx context.Context, dir string, blobs Blobs, progress func(done, total int64)) error {
	panic("skeleton")
}
