package store

import (
	"context"
	"errors"
	"fmt"

	"posthorn/internal/db"
)

// unit is one piece of the deriver's work.
type unit struct {
	box     *Mailbox
	through UID          // after it, every UID up to here has been seen
	sealed  bool         // no message can come into the block any more
	all     []*derivable // by UID; of a sealed block all it has
	marks   map[string]UID
}

// deriveUnit does the next unit of a mailbox; more says that there was one.
func (s *Store) deriveUnit(ctx context.Context, m *Mailbox) (more bool, err error) {
	s.deriver.working.Lock()
	defer s.deriver.working.Unlock()
	u, err := s.nextUnit(ctx, m)
	if err == nil && u != nil {
		err = s.roomToDerive()
	}
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
	if err == nil && u.sealed {
		s.singles.packed(m.id, blockOf(u.through))
	}
	if err == nil {
		s.deriver.backlog.did(len(u.all))
	}
	return true, err
}

// deriveLeaves is how many octets of the disk are not for the derived file: mail
// needs them more than what can be made again.
const deriveLeaves = 128 << 20

func (s *Store) roomToDerive() error {
	free, err := s.blobs.Space()
	if err == nil && free < deriveLeaves {
		err = fmt.Errorf("%d octets free, the last %d are left to mail: %w", free, deriveLeaves, ErrNoSpace)
	}
	return err
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
