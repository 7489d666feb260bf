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

// deriveBacklog finds what the process before this one left undone.
func (s *Store) deriveBacklog(ctx context.Context) {
	err := s.derived.wait(ctx)
	if err == nil {
		var waiting int64
		waiting, err = s.deriveBehind(ctx)
		s.deriver.working.Lock()
		s.deriver.backlog.waits(waiting)
		s.deriver.working.Unlock()
	}
	s.derivedOutcome("look for what is not derived", err)
}

// deriveBehind finds the accounts whose mailboxes are behind, and by how many
// messages in all.
func (s *Store) deriveBehind(ctx context.Context) (waiting int64, err error) {
	err = s.eachReach(ctx, func(r reach) {
		if n := r.waiting(); n > 0 {
			waiting += n
			s.deriver.account(r.account)
		}
	})
	return waiting, err
}

// reach is how far the derivations have come in a mailbox in which there has been
// mail.
type reach struct {
	box      MailboxID
	account  AccountID
	next     UID
	messages int64
	low      UID // all derivations have seen what is up to here
}

// waiting is how many messages they have not seen, about.
func (r reach) waiting() int64 {
	if r.low+1 >= r.next {
		return 0
	}
	return max(1, min(r.messages, int64(r.next-1-r.low)))
}

func scanReach(row scanner) (r reach, err error) {
	err = row.Scan(&r.box, &r.account, &r.next, &r.messages)
	return r, err
}

// eachReach looks at all mailboxes, a block at a time.
func (s *Store) eachReach(ctx context.Context, do func(reach)) error {
	for after := MailboxID(0); ; {
		var boxes []reach
		err := s.db.View(ctx, func(tx *db.Tx) (err error) {
			boxes, err = collect(tx, scanReach, `SELECT id, account, uidnext, messages FROM mailboxes
				WHERE id > ? AND uidnext > 1 AND name IS NOT NULL ORDER BY id LIMIT ?`, after, markBlock)
			return err
		})
		if err != nil || len(boxes) == 0 {
			return err
		}
		from := boxes[0].box
		after = boxes[len(boxes)-1].box
		var marks map[MailboxID]boxMarks
		err = s.derived.View(ctx, func(tx *db.Tx) (err error) {
			marks, err = marksBetween(tx, from, after)
			return err
		})
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		for _, r := range boxes {
			if m := marks[r.box]; m.n > len(derivations) { // or some have not begun
				r.low = m.low
			}
			do(r)
		}
	}
}

// derive does all there is to do. What fails stays to be done.
func (s *Store) derive(ctx context.Context) error {
	dirty := s.deriver.take()
	var first error
	for id := range dirty {
		if err := ctx.Err(); err != nil {
			first = err
			break
		}
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
