package store

import (
	"context"
	"errors"
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

// unit is one piece of the deriver's work.
type unit struct {
	box     *Mailbox
	through UID          // after it, every UID up to here has been seen
	sealed  bool         // no message can come into the block any more
	all     []*derivable // by UID; of a sealed block all it has
	marks   map[string]UID
}

// derivePause is how long new mail is left to come before it is looked at.
var derivePause = 200 * time.Millisecond // less in tests

// deriveRetry is how long what failed waits when nothing else changes.
const deriveRetry = time.Minute

// deriver is what has changed since it was last looked at.
type deriver struct {
	bell  bell
	mu    sync.Mutex
	dirty map[AccountID]bool

	working sync.Mutex // held over a unit, and by purge over what it forgets
}

func newDeriver() *deriver { return &deriver{bell: newBell(), dirty: map[AccountID]bool{}} }

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
		err = s.deriveBehind(ctx, low)
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

// deriveBehind finds the accounts whose mailboxes are behind, and takes the
// mailboxes that are there out of low.
func (s *Store) deriveBehind(ctx context.Context, low map[MailboxID]UID) error {
	return s.db.View(ctx, func(tx *db.Tx) error {
		rows, err := tx.Query(`SELECT id, account, uidnext FROM mailboxes`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var box MailboxID
			var account AccountID
			var next UID
			if err := rows.Scan(&box, &account, &next); err != nil {
				return err
			}
			if low[box]+1 < next {
				s.deriver.account(account)
			}
			delete(low, box)
		}
		return rows.Err()
	})
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

// deriveUnit does the next unit of a mailbox; more says that there was one.
func (s *Store) deriveUnit(ctx context.Context, m *Mailbox) (more bool, err error) {
	s.deriver.working.Lock()
	defer s.deriver.working.Unlock()
	u, err := s.nextUnit(ctx, m)
	if err != nil || u == nil {
		return false, err
	}
	defer func() {
		for _, d := range u.all {
			d.close()
		}
	}()
	works, err := u.run(ctx)
	if err == nil {
		err = s.derived.Commit(ctx, 0, func(tx *db.Tx) error { return u.write(tx, works) })
	}
	return true, err
}

// nextUnit is what is to be done next in a mailbox, nil when nothing is.
func (s *Store) nextUnit(ctx context.Context, m *Mailbox) (*unit, error) {
	u := &unit{box: m, marks: map[string]UID{}}
	var low UID
	err := s.derived.View(ctx, func(tx *db.Tx) (err error) {
		if low, err = mark(tx, m.id, ""); err != nil {
			return err
		}
		u.marks[""] = low
		for _, dv := range derivations {
			through, err := mark(tx, m.id, dv.name)
			if err != nil {
				return err
			}
			u.marks[dv.name], low = through, min(low, through)
		}
		return nil
	})
	if err == nil {
		err = s.db.View(ctx, func(tx *db.Tx) error { return u.read(tx, low) })
	}
	if errors.Is(err, db.ErrNoRows) || err == nil && u.through == low {
		return nil, nil
	}
	return u, err
}

// read reads the messages of the block in which the first one above low is.
func (u *unit) read(tx *db.Tx, low UID) error {
	var next, first UID
	err := tx.Row(`SELECT uidnext FROM mailboxes WHERE id = ? AND name IS NOT NULL`, u.box.id).Scan(&next)
	if err != nil {
		return err
	}
	u.through = next - 1
	err = tx.Row(`SELECT uid FROM messages WHERE mailbox = ? AND uid > ? AND expunged = 0 ORDER BY uid LIMIT 1`, u.box.id, low).Scan(&first)
	if errors.Is(err, db.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	block := blockOf(first)
	from := first
	if last := lastOf(block); next > last {
		u.through, u.sealed, from = last, true, firstOf(block)
	}
	msgs, err := readMessages(tx, u.box.id, `uid BETWEEN ? AND ? AND expunged = 0`, from, u.through)
	for i := range msgs {
		u.all = append(u.all, &derivable{Message: msgs[i], box: u.box})
	}
	return err
}

// run reads what the unit is made of and gives it to the derivations.
func (u *unit) run(ctx context.Context) ([]work, error) {
	if len(u.all) == 0 {
		return make([]work, len(derivations)), nil
	}
	known, err := u.known(ctx)
	if err != nil {
		return nil, err
	}
	works := make([]work, len(derivations))
	for i, dv := range derivations {
		if u.marks[dv.name] < u.through {
			works[i] = dv.begin(u.box.store, u)
		}
	}
	for _, d := range u.all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := u.one(ctx, d, known[d.UID], works); err != nil {
			return nil, err
		}
	}
	return works, nil
}

// known reads the digests that are there already. A derived file that cannot be
// read is an error: then it cannot be written either.
func (u *unit) known(ctx context.Context) (known map[UID][]byte, err error) {
	err = u.box.store.derived.View(ctx, func(tx *db.Tx) error {
		known, err = looseDigests(tx, u.box.id, u.all[0].UID, u.through)
		return err
	})
	return known, err
}

// one gives one message to all that have not seen it. What is missing or damaged
// has nothing that could be derived, and is done.
func (u *unit) one(ctx context.Context, d *derivable, raw []byte, works []work) error {
	defer d.close()
	if err := d.digest(ctx, raw); err != nil && !gone(err) {
		return err
	}
	for i, dv := range derivations {
		if works[i] == nil || d.UID <= u.marks[dv.name] {
			continue
		}
		if err := u.box.store.guarded(ctx, dv.name, works[i], d); err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

func gone(err error) bool { return errors.Is(err, ErrCorrupt) || errors.Is(err, ErrExpunged) }

// guarded survives what a derivation does not.
func (s *Store) guarded(ctx context.Context, name string, w work, d *derivable) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = s.panicked(name, &d.Message, p)
		}
	}()
	return w.message(ctx, d)
}

// write enters everything that came of the unit.
func (u *unit) write(tx *db.Tx, works []work) error {
	if u.marks[""] < u.through {
		if err := u.keep(tx); err != nil {
			return err
		}
		if err := setMark(tx, u.box.id, "", u.through); err != nil {
			return err
		}
	}
	for i, dv := range derivations {
		if u.marks[dv.name] < u.through {
			if err := setMark(tx, u.box.id, dv.name, u.through); err != nil {
				return err
			}
		}
		if works[i] != nil { // after the mark: it may have to begin anew
			if err := works[i].write(tx); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep writes packs for a sealed block, loose digests for any other.
func (u *unit) keep(tx *db.Tx) error {
	if len(u.all) == 0 {
		return nil
	}
	if u.sealed {
		return writePacks(tx, u.box.id, blockOf(u.through), u.all)
	}
	for _, d := range u.all {
		if d.raw == nil || d.octets() > maxPacked {
			continue
		}
		if err := keepLoose(tx, u.box.id, d); err != nil {
			return err
		}
	}
	return nil
}
