package store

import (
	"slices"
	"strings"
	"sync"
	"time"

	"posthorn/internal/db"
)

// Small content is committed in the database, in the commit of its rows, so that
// one sync makes all of a batch durable. Filing then moves it to where it stays:
//
//	enter    the Change's transaction: a row of `unfiled` for each content
//	write    filing_write.go: files, at once, under their final names, unsynced
//	         (filing_again.go: over files that may be there)
//	sync     filing_sync.go: now and then, all that was written; then the rows go
//
// Nobody waits for filing. Content that has no file yet is read from memory or
// from its row (content.go). A row goes only after a sync that came after the
// file, and succeeded: a crash, or a disk that refuses, loses nothing. What was
// written before a failed sync, or before the store was opened, is not trusted
// and not compared (what can be read may not be on the disk): it is written anew,
// over what is there.
//
// A queue item's content is left in the database for a moment (spoolPause): most
// are delivered by then, and need no file at all. items.unfiled says that there is
// none; it is taken back before the first try to write one (S8).
//
// docs/adr/0008 has the measurements.

// Content goes this way up to inlineLimit, where the copies it costs outweigh the
// syncs it saves, and while less than unfiledLimit is unfiled; other content syncs
// its own file before its commit.
const (
	inlineLimit  = 32 << 10
	unfiledLimit = 64 << 20
	unfiledCost  = 512 // of one content, besides its octets
)

// unfiled is content whose row is in the database, or on its way there. What
// follows mu is guarded by filing.mu.
type unfiled struct {
	id   int64
	key  Key
	size int64

	body   []byte // nil: the row has it
	names  []File // where it is to be; nil: as the rows say
	item   ItemID // that has no file yet, and alone has it; 0 for none
	since  time.Time
	state  filingState
	unsure bool // there may be a file that is not to be trusted
}

type filingState int

const (
	isEntering filingState = iota // in no committed row yet
	isResting                     // an item's, which may end without a file
	isDue                         // to be written
	isWritten                     // and perhaps synced
	isGone                        // from filing's sight
)

func (u *unfiled) cost() int64 { return u.size + unfiledCost }

// filing is the unfiled content.
type filing struct {
	// turn is held over each block of files that is written, and by purge over
	// those it takes away. It comes before mu.
	turn sync.Mutex

	bell    bell  // content is due
	soon    bell  // content was written
	enough  bell  // much was written
	refused error // why no content goes this way; nil: it does

	mu      sync.Mutex // guards what follows
	lastID  int64
	all     map[Key]*unfiled
	octets  int64
	due     []*unfiled // oldest first
	resting []*unfiled // oldest first
	failed  []*unfiled // due at retry
	retry   time.Time
	written []*unfiled
	amount  int64 // cost of written
}

func newFiling() *filing {
	return &filing{bell: newBell(), soon: newBell(), enough: newBell(), all: make(map[Key]*unfiled)}
}

// admit takes content of a size in, if there is room.
func (f *filing) admit(k Key, size int64) *unfiled {
	if size > inlineLimit || f.refused != nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	u := &unfiled{key: k, size: size, state: isEntering}
	if f.octets+u.cost() > unfiledLimit {
		return nil
	}
	f.octets += u.cost()
	f.lastID++
	u.id = f.lastID
	return u
}

// discard lets go of content that no commit took.
func (f *filing) discard(u *unfiled) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if u.state == isEntering {
		f.forget(u)
	}
}

// forget is called with mu held.
func (f *filing) forget(u *unfiled) {
	if u.state == isGone {
		return
	}
	u.state, u.body, u.names = isGone, nil, nil // lists pass over it
	f.octets -= u.cost()
	if f.all[u.key] == u {
		delete(f.all, u.key)
	}
}

// entering makes content readable that is about to be committed.
func (f *filing) entering(all []*unfiled) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range all {
		f.all[u.key] = u
	}
}

// withdraw takes that back.
func (f *filing) withdraw(all []*unfiled) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range all {
		delete(f.all, u.key)
	}
}

// enter writes the rows.
func enterUnfiled(tx *db.Tx, all []*unfiled) error {
	for _, u := range all {
		if _, err := tx.Exec(`INSERT INTO unfiled (id, key, content) VALUES (?, ?, ?)`, u.id, string(u.key), u.body); err != nil {
			return err
		}
	}
	return nil
}

// committed has content filed under names, which are as the rows say when they
// are nil; item is the one that alone has it. That may have ended meanwhile.
func (f *filing) committed(u *unfiled, names []File, item ItemID, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if u.state == isGone {
		return
	}
	f.all[u.key] = u
	u.names, u.item, u.since = names, item, now
	f.queue(u)
}

// fail has content written anew, whatever there is of it, in a while. It is
// called with mu held.
func (f *filing) fail(u *unfiled) {
	if len(f.failed) == 0 {
		f.retry = time.Now().Add(fileRetry)
	}
	u.state, u.unsure, u.body, u.names = isDue, true, nil, nil
	f.failed = append(f.failed, u)
}

// queue is called with mu held.
func (f *filing) queue(u *unfiled) {
	if u.item != 0 {
		u.state = isResting
		f.resting = append(f.resting, u)
		if len(f.resting) > 1 && f.octets < unfiledLimit/2 {
			return // the timer runs already
		}
	} else {
		u.state = isDue
		f.due = append(f.due, u)
	}
	f.bell.ring()
}

// ended lets go of the content of items that have ended without a file; their
// rows are gone.
func (f *filing) ended(keys []Key) {
	if len(keys) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range keys {
		if u := f.all[k]; u != nil {
			f.forget(u)
		}
	}
}

// purged lets go of content that no row has any more.
func (f *filing) purged(all []*unfiled) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range all {
		f.forget(u)
	}
}

// of finds the unfiled content of a key; nil when it has none.
func (f *filing) of(k Key) *unfiled {
	base, _, _ := strings.Cut(string(k), "-") // see sibling
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all[Key(base)]
}

// unwritten tells whether a key's file is still to come.
func (f *filing) unwritten(k Key) bool {
	u := f.of(k)
	if u == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return u.state < isWritten
}

// enters tells whether a key's commit has not come back to where it was asked for.
func (f *filing) enters(k Key) bool {
	u := f.of(k)
	if u == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return u.state == isEntering
}

// unname keeps a file from being written that is to go. The caller holds turn.
func (f *filing) unname(file File) {
	u := f.of(file.Key)
	if u == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if u.names != nil {
		u.names = slices.DeleteFunc(u.names, func(n File) bool { return n.Dir == file.Dir && n.Key == file.Key })
	}
}
