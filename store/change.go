package store

import (
	"time"

	"posthorn/mail"
)

// Blob is content that was Put and not yet committed. A blob that no commit
// takes is removed by Discard, or found and removed when the store opens.
type Blob struct {
	Key  Key
	Size int64
	// Facts of the header that the index wants, taken while it was put.
	MessageID  string   // without angle brackets, "" when there is none
	References []string // References and In-Reply-To, newest last, at most 50
	Subject    string   // base subject for threading (RFC 5256 §2.1), decoded
	Bulk       bool     // it says of itself that it is a list's, or sent to many

	staged  Staged   // content in a file; nil: in the database, or to be
	unfiled *unfiled // content for the database
	unended bool     // the last line has no CRLF
	kept    bool     // a commit failed in a way that may have kept it: only a reopened store can tell
}

// Incoming appends one message to one mailbox. Several Incoming may share one
// Blob: they become links to one inode.
type Incoming struct {
	Blob     *Blob
	Account  AccountID
	Mailbox  MailboxID // zero: the account's mailbox with Role
	Role     Role      // used when Mailbox is zero; falls back to INBOX when no mailbox has it
	Internal time.Time // zero: now
	Flags    Flags     // system flags only
	Keywords []string
	UIDL     string // import only; "" makes one
	Overdraw bool   // room was reserved at RCPT: quota is not judged again
}

// Removal is a message that is expunged, whatever its flags, in the commit that
// brings what takes its place (RFC 8508). The Change fails with ErrExpunged when
// it is gone already.
type Removal struct {
	Account AccountID
	Mailbox MailboxID
	UID     UID
}

// Appended answers one Incoming.
type Appended struct {
	Mailbox     MailboxID
	UIDValidity uint32
	UID         UID
	ModSeq      ModSeq
	Email       EmailID
}

// Spooled is a new queue item: one message with deliveries that wait.
type Spooled struct {
	Blob       *Blob
	QueueID    string        // mail.Mail.QueueID
	Envelope   mail.Envelope // To is given by Deliveries
	Origin     mail.Origin
	MessageID  string
	Priority   Priority
	Expires    time.Time
	Deliveries []NewDelivery
}

// NewDelivery is one recipient of a Spooled item.
type NewDelivery struct {
	Recipient   mail.Recipient
	Destination string // what deliveries are grouped by: a route's name or a domain
	Due         time.Time
	Held        bool        // wait for an administrator
	Status      mail.Status // what is known already, for a held one
}

// DeliveryState: every recipient of every item is at any moment exactly one.
type DeliveryState string

// The states. Waiting may be held (Delivery.Held).
const (
	Waiting DeliveryState = "waiting"
	Done    DeliveryState = "done"
	Failed  DeliveryState = "failed"
)

// ReportState says whether the sender is owed a report about a delivery.
type ReportState string

// The states of a report.
const (
	ReportNone    ReportState = "none"
	ReportDue     ReportState = "due"
	ReportWritten ReportState = "written"
)

// Settlement is one outcome: how a delivery changes. It fails with ErrNotFound
// when the delivery is no longer waiting.
type Settlement struct {
	Delivery DeliveryID
	State    DeliveryState
	Status   mail.Status
	Due      time.Time // next attempt, when still waiting
	Attempt  bool      // counts as an attempt
	Report   ReportState
	Delayed  bool // a delay notice has been written
}

// Event is one line of a message's life, for `trace`, `queue show` and the log.
// It holds nothing of the content, the subject neither.
type Event struct {
	ID        EventID // given by the store
	At        time.Time
	Kind      string // "accepted" "refused" "delivered" "relayed" "deferred" "failed" "bounced" "dropped" ...
	Item      ItemID // zero when there is none
	Session   string // the message's queue id
	MessageID string
	From, To  string
	MTA       string // the other host, which gave or got the message
	Status    string // the reply as said
	Login     string // of the account whose mail it is, "local" for this host's own; "" for a stranger's
	Took      time.Duration
	Detail    string // further facts, for people: the connection, the mailbox, why
	Linked    string // queue id of a message that this one became, or came from
	Leads     bool   // From, To and MessageID of this event lead to the message
}

// Priority says who goes first when several deliveries are due.
type Priority int64

// The priorities, first to last. None waits for ever: each has a share.
const (
	People Priority = iota
	Bulk
	Reports

	Priorities = 3
)

// Change is one acceptance or one outcome: all of it happens or none.
type Change struct {
	Remove []Removal // before Append: their room counts
	Append []Incoming
	Spool  []Spooled
	Settle []Settlement
	Hold   []Hold   // set, as SetHold does
	Unhold []HoldID // the program's own, which are needed no more
	Events []Event  // Item 0 takes the id of the Change's first Spooled
	Tried  []Tried  // ends of deliveries, for the counts of rates.go
	Taken  []Taken  // what accounts have sent, for those of sending.go
	// Notices are the administrator's words among Append and Spool. One that was
	// given before makes the Change fail with ErrExists.
	Notices []Notice
}

// Result answers a Change, each slice in its order.
type Result struct {
	Appended []Appended
	Items    []ItemID
}

// Item is a queue item as stored.
type Item struct {
	ID        ItemID
	QueueID   string
	Key       Key
	Size      int64
	Envelope  mail.Envelope // To is empty
	Origin    mail.Origin
	MessageID string
	Arrived   time.Time
	Expires   time.Time
}

// Delivery is one recipient's row.
type Delivery struct {
	ID          DeliveryID
	Item        ItemID
	Recipient   mail.Recipient
	Destination string
	Priority    Priority
	State       DeliveryState
	Report      ReportState
	Held        bool   // for good: until its hold ends, or an administrator lets it go
	Hold        HoldID // the hold that keeps it, zero for none
	Under       HoldID // given by ClaimDue: a hold that keeps others like it and has let it come up
	Probes      bool   // given by ClaimDue: to find out whether that hold is still needed
	Delayed     bool   // a delay notice has been written
	Attempts    int
	Tried       time.Time // when the first attempt was entered; zero before that
	Due         time.Time
	Updated     time.Time
	Status      mail.Status // of the last attempt; zero before the first
}

// Placement is what the MDA decides for one recipient; the queue commits it.
type Placement struct {
	Status   mail.Status
	Detail   string       // where Into leads and why there, for people
	Into     []Incoming   // Blob is filled in by the queue
	Onward   []*mail.Mail // redirects: routed and spooled as mail of their own
	Withheld []mail.Path  // where junk was not sent on to
}
