// Package store remembers: accounts, addresses, mailboxes, messages, the queue
// and events, in one SQLite database beside one Maildir for each account. It
// owns every table. The floors above decide; nothing is decided here but what
// must be decided inside a transaction (UIDs, modification sequences, quota).
package store

import (
	"errors"
	"time"

	"posthorn/mail"
)

// The kinds of failure. Each protocol puts them into its own words in one file.
var (
	ErrNotFound  = errors.New("not found")
	ErrExists    = errors.New("exists already")
	ErrOverQuota = errors.New("over quota")
	ErrInvalid   = errors.New("not valid")
	ErrReadOnly  = errors.New("read-only")
	ErrNoSpace   = errors.New("no space left on disk")
	ErrCorrupt   = errors.New("content missing or damaged")
	ErrExpunged  = errors.New("expunged and gone")
	ErrLimit     = errors.New("over a limit")
	ErrLocked    = errors.New("locked by another session")
	ErrInUse     = errors.New("data folder is held by another process")
	ErrClosed    = errors.New("store is closed")
)

// Identifiers. All are positive; zero is none.
type (
	AccountID  int64
	MailboxID  int64
	EmailID    int64 // the content's identity; survives COPY and MOVE (RFC 8474 EMAILID)
	ThreadID   int64 // fixed at delivery
	ItemID     int64 // a queue item
	DeliveryID int64
	UID        uint32
	ModSeq     int64 // one per operation, from a counter of the account (RFC 7162)
)

// Key names one blob. It is opaque, a Maildir unique name: no '/', ':' or ','.
type Key string

// Domain is a domain whose mail we take.
type Domain struct {
	Name     string // key form (mail.Path.Key)
	AliasOf  string // another of our domains whose addresses it shares, or ""
	Admin    string // who gets postmaster@ and abuse@ and is "the admin": an address
	CatchAll string // address for unknown local parts, or ""
	Created  time.Time

	// Backup: its mailboxes are on another host, and this one keeps its mail while
	// that host cannot take it (RFC 5321 §5.1: a less preferred MX).
	Backup  bool
	Primary string        // that host, "name" or "name:port"; "" for what the DNS says
	Keep    time.Duration // how long its mail is kept; 0: as configured
}

// DKIMKey signs for a domain.
type DKIMKey struct {
	Domain, Selector string
	Algorithm        string // "rsa" or "ed25519"
	Private          []byte // PKCS #8 DER
}

// Quota is a limit or a use. Zero limits nothing.
type Quota struct{ Bytes, Messages int64 }

// Account is somebody who has mail here.
type Account struct {
	ID      AccountID
	Login   string // its primary address in key form
	Dir     string // opaque name of its folder below accounts/
	Enabled bool
	Limit   Quota
	Used    Quota
	Boxes   int64 // mailboxes it may have, 0 for any number
	Admin   bool  // may set the limits of others
	Manners Manners
	Created time.Time
}

// Manners are how a person likes to be written to. Empty: none chosen.
type Manners struct {
	Language string // BCP 47: "de", "pt-BR"
	Zone     string // time zone of the IANA database: "Europe/Berlin"
}

// Alias sends the mail of one address to others.
type Alias struct {
	Address string // key form
	Targets []string
}

// Address is what one address means, after domain aliases: an account, alias
// targets, or nothing of its own. Catch-all, subaddresses and the postmaster
// rule are decided above.
type Address struct {
	Domain  Domain   // the real domain, not the alias
	Account *Account // nil when no account has it
	Targets []mail.Path
}

// Role is the special use of a mailbox (RFC 6154); "" for none. INBOX has the
// role "inbox".
type Role string

// The roles made at account creation, and the other two of RFC 6154.
const (
	RoleInbox   Role = "inbox"
	RoleDrafts  Role = "drafts"
	RoleSent    Role = "sent"
	RoleJunk    Role = "junk"
	RoleTrash   Role = "trash"
	RoleArchive Role = "archive"
	RoleAll     Role = "all"
	RoleFlagged Role = "flagged"
)

// Box is one row of mailbox facts, as LIST, STATUS and SELECT need them.
type Box struct {
	ID          MailboxID
	Account     AccountID
	Name        string // UTF-8, NFC, '/' between levels; "INBOX" in capitals
	Role        Role
	Subscribed  bool
	UIDValidity uint32
	UIDNext     UID
	ModSeq      ModSeq // highest of its messages (HIGHESTMODSEQ)
	Messages    int64
	Unseen      int64
	Deleted     int64    // with \Deleted
	Size        int64    // octets
	Keywords    []string // bit i of Flags>>KeywordBase is Keywords[i]
	Annotated   int64    // changes of its metadata; 0: there never was any
	ACL         int64    // changes of its access control list; 0: only the owner has rights, and all
}

// Flags is a set of flags of one mailbox: the system flags below, then one bit
// for each keyword in the order of Box.Keywords.
type Flags uint64

// System flags. \Recent is not among them: it belongs to the session's view.
const (
	FlagSeen Flags = 1 << iota
	FlagAnswered
	FlagFlagged
	FlagDeleted
	FlagDraft

	KeywordBase = 8  // bit of the first keyword
	MaxKeywords = 56 // of one mailbox
)

// Row is the compact form of a message that a view holds.
type Row struct {
	UID    UID
	Flags  Flags
	ModSeq ModSeq
}

// Message is what the index knows of one message in one mailbox.
type Message struct {
	Row
	Key      Key
	Size     int64     // octets of the content, as RFC822.SIZE
	Internal time.Time // INTERNALDATE, second precision, with its zone offset kept
	Saved    time.Time // SAVEDATE (RFC 8514)
	Email    EmailID
	Thread   ThreadID
	UIDL     string // POP3's unique-id, 1 to 70 octets of 0x21..0x7e (RFC 1939 §7)
	Unended  bool   // the last line has no CRLF: POP3, which must end it, sends 2 octets more than Size
}

// Changes is what happened in a mailbox since a modification sequence.
type Changes struct {
	At       ModSeq // the account's state this answer shows
	Box      Box
	Rows     []Row      // new and changed messages by UID, each at its newest state
	Expunged []UIDRange // ascending and apart; UIDs that were never given may be among them
	Gone     bool       // the mailbox itself was deleted
}

// UIDRange is the UIDs from First to Last, both included.
type UIDRange struct{ First, Last UID }
