package store

// This file is the agreed face; every body is replaced by the store's author.

import (
	"context"
	"io"
	"time"

	"posthorn/mail"
)

// Blobs keeps content. store/maildir is the one on a local disk.
type Blobs interface {
	// defined by the store's author; see DESIGN §2
}

// Config is what an operator may set.
type Config struct{}

// Store is concrete: only bytes (Blobs) and the SQL dialect vary below it.
type Store struct{}

// Open opens or makes the store in dir and takes its lock (ErrInUse names the holder's pid).
func Open(ctx context.Context, dir string, blobs Blobs) (*Store, error) { panic("skeleton") }
func (s *Store) Close() error                                           { panic("skeleton") }

// ---- domains, accounts, addresses
func (s *Store) AddDomain(ctx context.Context, d Domain) error                  { panic("skeleton") }
func (s *Store) RemoveDomain(ctx context.Context, name string) error            { panic("skeleton") } // ErrInUse-like ErrInvalid while addresses are left
func (s *Store) Domains(ctx context.Context) ([]Domain, error)                  { panic("skeleton") }
func (s *Store) Domain(ctx context.Context, name string) (Domain, error)        { panic("skeleton") } // follows no alias; ErrNotFound
func (s *Store) AddDKIMKey(ctx context.Context, k DKIMKey) error                { panic("skeleton") }
func (s *Store) DKIMKeys(ctx context.Context, domain string) ([]DKIMKey, error) { panic("skeleton") }

func (s *Store) AddAccount(ctx context.Context, login, passwordHash string, limit Quota) (Account, error) {
	panic("skeleton")
}
func (s *Store) RemoveAccount(ctx context.Context, id AccountID) error             { panic("skeleton") }
func (s *Store) Account(ctx context.Context, id AccountID) (Account, error)        { panic("skeleton") }
func (s *Store) AccountByLogin(ctx context.Context, login string) (Account, error) { panic("skeleton") }
func (s *Store) Accounts(ctx context.Context) ([]Account, error)                   { panic("skeleton") }
func (s *Store) SetQuota(ctx context.Context, id AccountID, limit Quota) error     { panic("skeleton") }
func (s *Store) SetEnabled(ctx context.Context, id AccountID, on bool) error       { panic("skeleton") }
func (s *Store) SetPassword(ctx context.Context, id AccountID, hash string) error  { panic("skeleton") }

// Password gives the stored hash with the account of a login (key form).
func (s *Store) Password(ctx context.Context, login string) (Account, string, error) {
	panic("skeleton")
}

func (s *Store) SetAlias(ctx context.Context, a Alias) error                 { panic("skeleton") } // adds; ErrExists when it is there
func (s *Store) RemoveAlias(ctx context.Context, address string) error       { panic("skeleton") }
func (s *Store) Aliases(ctx context.Context, domain string) ([]Alias, error) { panic("skeleton") } // "" for all

// Address looks one address up, after domain aliases. ErrNotFound: the domain is not ours.
// An address of ours that nobody has is an Address with neither account nor targets.
func (s *Store) Address(ctx context.Context, p mail.Path) (Address, error) { panic("skeleton") }

// Reserve holds room for one message of size octets (0: unknown) until release; ErrOverQuota.
// release may be called more than once.
func (s *Store) Reserve(ctx context.Context, id AccountID, size int64) (release func(), err error) {
	panic("skeleton")
}

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

// LockMaildrop takes the account's POP3 lease (ErrLocked) until release; renew extends it.
func (s *Store) LockMaildrop(ctx context.Context, a AccountID, owner string) (release func(), err error) {
	panic("skeleton")
}

// ---- the queue's tables
func (s *Store) NextDue(ctx context.Context) (time.Time, error) { panic("skeleton") } // ErrNotFound: nothing waits
// Due claims waiting, unheld deliveries due at now, oldest first, at most limit, until claimedUntil.
func (s *Store) ClaimDue(ctx context.Context, now, claimedUntil time.Time, limit int) ([]Delivery, error) {
	panic("skeleton")
}

// ReleaseClaims makes every claim of this process void (start-up).
func (s *Store) ReleaseClaims(ctx context.Context) error                       { panic("skeleton") }
func (s *Store) Item(ctx context.Context, id ItemID) (Item, error)             { panic("skeleton") }
func (s *Store) Deliveries(ctx context.Context, id ItemID) ([]Delivery, error) { panic("skeleton") }
func (s *Store) Items(ctx context.Context, after ItemID, limit int) ([]Item, error) {
	panic("skeleton")
}                                                                                 // with a waiting delivery
func (s *Store) OpenItem(ctx context.Context, it Item) (Reader, error)            { panic("skeleton") }
func (s *Store) Hold(ctx context.Context, ids []DeliveryID, held bool) error      { panic("skeleton") }
func (s *Store) Retry(ctx context.Context, ids []DeliveryID, due time.Time) error { panic("skeleton") }
func (s *Store) Events(ctx context.Context, id ItemID) ([]Event, error)           { panic("skeleton") }

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
