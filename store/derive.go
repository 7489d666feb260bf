package store

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"posthorn/internal/db"
)

// The deriver makes what can be made from content: digests, in packs, and
// whatever the derivations table names. It works behind delivery in a goroutine
// of its own, is woken by commits, and goes on where its marks say it stopped.
// One unit of work is what one mailbox has in one block of UIDs: the messages are
// read, content is opened once for all who want it, and everything that came of
// it enters the derived file in one commit together with the marks.

// derivations is what is made besides digests.
var derivations = []derivation{
	{name: textStep, begin: newTextWork, forget: forgetText, drop: dropTextOf},
}

// derivation is one kind of facts that is made from content.
type derivation struct {
	name string // of its marks
	// begin begins a unit of work in a mailbox.
	begin func(s *Store, u *unit) work
	// forget takes away what is known of messages that are purged, before their
	// rows are; drop what is known of a mailbox.
	forget func(tx *db.Tx, box MailboxID, uids []UID) error
	drop   func(tx *db.Tx, box MailboxID) error
}

// work is a derivation's part of one unit.
type work interface {
	// message takes one message in; they come by UID, and none comes again. A
	// panic leaves that message out. An error puts the unit off.
	message(ctx context.Context, d *derivable) error
	// write enters what came of it into the derived file.
	write(tx *db.Tx) error
}

// derivePause is how long new mail is left to come before it is looked at.
var derivePause = time.Second // less in tests

// deriveRetry is how long what failed waits when nothing else changes.
const deriveRetry = time.Minute

// deriver is what has changed since it was last looked at.
type deriver struct {
	bell  bell
	mu    sync.Mutex
	dirty map[AccountID]bool

	working sync.Mutex // held over a unit, and by purge over what it forgets
	backlog backlog    // guarded by working
}

func newDeriver(log *slog.Logger) *deriver {
	return &deriver{bell: newBell(), dirty: map[AccountID]bool{}, backlog: backlog{log: log}}
}

// account says that accounts may have new messages.
func (d *deriver) account(ids ...AccountID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		d.dirty[id] = true
	}
	d.bell.ring()
}

func (d *deriver) take() map[AccountID]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	dirty := d.dirty
	d.dirty = map[AccountID]bool{}
	return dirty
}

// again puts back what failed, and rings no bell.
func (d *deriver) again(left map[AccountID]bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.Copy(d.dirty, left)
}

// runDeriver is the deriver's goroutine. What fails is tried again with the next
// change, after deriveRetry, and when the store is opened.
func (s *Store) runDeriver(ctx context.Context) {
	s.deriveBacklog(ctx)
	var retry <-chan time.Time // nil while all is well
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.deriver.bell.c:
		case <-retry:
		}
		if !sleep(ctx, derivePause) {
			return
		}
		if retry = nil; s.derive(ctx) != nil {
			retry = time.After(deriveRetry)
		}
	}
}

// Derive makes at once everything that there is to make from content, beside the
// goroutine that does it otherwise.
func (s *Store) Derive(ctx context.Context) error {
	s.deriveBacklog(ctx)
	return fail("derive", s.derive(ctx))
}

// deriveBacklog finds what the process before this one left undone, and drops
// what belongs to mailboxes that are gone.
func (s *Store) deriveBacklog(ctx context.Context) {
	low := make(map[MailboxID]UID)
	err := s.derived.View(ctx, func(tx *db.Tx) error {
		count := make(map[MailboxID]int)
		err := eachMark(tx, func(box MailboxID, _ string, through UID) {
			if count[box]++; count[box] == 1 || through < low[box] {
				low[box] = through
			}
		})
		for box, n := range count {
			if n <= len(derivations) {
				low[box] = 0 // some have not begun
			}
		}
		return err
	})
	if err == nil {
		s.deriver.working.Lock()
		var waiting int64
		waiting, err = s.deriveBehind(ctx, low)
		s.deriver.backlog.waits(waiting)
		s.deriver.working.Unlock()
	}
	if err == nil {
		for box := range low { // those that no row has
			if err = s.dropDerived(ctx, box); err != nil {
				break
			}
		}
	}
	s.derivedOutcome("look for what is not derived", err)
}

// deriveBehind finds the accounts whose mailboxes are behind, and by how many
// messages in all, and takes the mailboxes that are there out of low.
func (s *Store) deriveBehind(ctx context.Context, low map[MailboxID]UID) (waiting int64, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		rows, err := tx.Query(`SELECT id, account, uidnext, messages FROM mailboxes`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var box MailboxID
			var account AccountID
			var next UID
			var messages int64
			if err := rows.Scan(&box, &account, &next, &messages); err != nil {
				return err
			}
			if low[box]+1 < next {
				waiting += min(messages, int64(next-1-low[box]))
				s.deriver.account(account)
			}
			delete(low, box)
		}
		return rows.Err()
	})
	return waiting, err
}

// derive does all there is to do. What fails stays to be done.
func (s *Store) derive(ctx context.Context) error {
	dirty := s.deriver.take()
	var first error
	for id := range dirty {
		err := s.deriveAccount(ctx, id)
		if err == nil {
			delete(dirty, id)
		} else if first == nil {
			first = err
		}
	}
	s.deriver.again(dirty)
	if first == nil {
		s.deriver.working.Lock()
		s.deriver.backlog.end()
		s.deriver.working.Unlock()
	}
	s.derivedOutcome("derive", first)
	return first
}

// deriveAccount does what is behind in the mailboxes of an account. Commits come
// first: between two units it rests as long as the last one took while there are
// any.
func (s *Store) deriveAccount(ctx context.Context, id AccountID) error {
	var boxes []*Mailbox
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		boxes, err = collect(tx, func(row scanner) (*Mailbox, error) {
			m, folder := &Mailbox{store: s, account: id}, ""
			err := row.Scan(&m.id, &folder, &m.dir)
			m.folder.Store(&folder)
			return m, err
		}, `SELECT m.id, m.folder, a.dir FROM mailboxes m JOIN accounts a ON a.id = m.account
			WHERE m.account = ? AND m.name IS NOT NULL AND m.uidnext > 1`, id)
		return err
	})
	if err != nil {
		return err
	}
	for _, m := range boxes {
		for more := true; more; {
			if err := ctx.Err(); err != nil {
				return err
			}
			began := time.Now()
			if more, err = s.deriveUnit(ctx, m); err != nil {
				return m.failed("derive from", err)
			}
			if more {
				s.mirror.giveWay(ctx, began)
			}
		}
	}
	return nil
}
