package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"posthorn/internal/db"
)

// claimant is whose claims these are. A data folder belongs to one process, so
// one name does; it is a column because a shared database has several.
const claimant = "local"

// Room is how many deliveries of each priority there is room for.
type Room [Priorities]int

// Claim is what ClaimDue has found.
type Claim struct {
	Deliveries []Delivery
	Kept       int // deliveries that were due and that a hold keeps
}

// NextDue is when the next delivery of the priorities with room may be worked on:
// when it is due, or when the claim on it ends. ErrNotFound: nothing waits, or
// everything is held.
func (s *Store) NextDue(ctx context.Context, room Room) (time.Time, error) {
	var first int64
	err := s.db.View(ctx, func(tx *db.Tx) error {
		held, err := allHeld(tx, time.Now())
		if err != nil || held {
			return errors.Join(err, db.ErrNoRows)
		}
		found := false
		for p, n := range room {
			if n <= 0 {
				continue
			}
			var ready int64
			err := tx.Row(`SELECT ready FROM deliveries WHERE state = 'waiting' AND held = 0 AND priority = ? ORDER BY ready LIMIT 1`, p).Scan(&ready)
			if err != nil && !errors.Is(err, db.ErrNoRows) {
				return err
			}
			if err == nil && (!found || ready < first) {
				first, found = ready, true
			}
		}
		if !found {
			return db.ErrNoRows
		}
		return nil
	})
	return time.Unix(0, first), fail("find the next due delivery", err)
}

// ClaimDue claims waiting deliveries that are due at now, claimed by nobody and
// kept by no hold, of each priority the oldest first and as many as there is room
// for, until claimedUntil. A claim ends with Settle, with Unclaim, with its time,
// or with ReleaseClaims.
func (s *Store) ClaimDue(ctx context.Context, now, claimedUntil time.Time, room Room) (Claim, error) {
	var c Claim
	err := s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		k, err := newKeeper(tx, now)
		if err != nil {
			return err
		}
		c = Claim{}
		for p, n := range room {
			if err := c.take(tx, k, Priority(p), n, claimedUntil); err != nil {
				return err
			}
		}
		return nil
	})
	return c, fail("claim due deliveries", err)
}

// take claims deliveries of one priority.
func (c *Claim) take(tx *db.Tx, k *keeper, p Priority, n int, until time.Time) error {
	if n <= 0 || k.all {
		return nil
	}
	due, err := collect(tx, scanDue, `SELECT ready, `+deliveryColumns+` FROM deliveries
		WHERE state = 'waiting' AND held = 0 AND priority = ? AND ready <= ? ORDER BY ready, id LIMIT ?`, int64(p), k.now.UnixNano(), n)
	if err != nil {
		return err
	}
	for _, d := range due {
		kept, err := k.keeps(&d)
		if err != nil {
			return err
		}
		if kept {
			c.Kept++
			continue
		}
		d.Hold = 0
		if _, err := tx.Exec(`UPDATE deliveries SET claimed_by = ?, claimed_until = ?, ready = ?, hold = 0 WHERE id = ?`,
			claimant, until.UnixNano(), until.UnixNano(), d.ID); err != nil {
			return err
		}
		c.Deliveries = append(c.Deliveries, d.Delivery)
	}
	return nil
}

// due is a delivery that may be claimed.
type due struct {
	ready int64
	Delivery
}

// prefixed is a row with a column before those that are known.
type prefixed struct {
	scanner
	first any
}

func (p prefixed) Scan(dest ...any) error { return p.scanner.Scan(append([]any{p.first}, dest...)...) }

func scanDue(row scanner) (d due, err error) {
	d.Delivery, err = scanDelivery(prefixed{row, &d.ready})
	return d, err
}

// DueAfter finds waiting deliveries that may be worked on only after t, at most
// limit, without those that a hold keeps.
func (s *Store) DueAfter(ctx context.Context, t time.Time, limit int) ([]DeliveryID, error) {
	var ids []DeliveryID
	err := s.db.View(ctx, func(tx *db.Tx) error {
		for p := range Priorities {
			some, err := collect(tx, scanID[DeliveryID], `SELECT id FROM deliveries
				WHERE state = 'waiting' AND held = 0 AND priority = ? AND ready > ? AND hold = 0 AND claimed_until = 0 LIMIT ?`, p, t.UnixNano(), limit-len(ids))
			if err != nil {
				return err
			}
			ids = append(ids, some...)
		}
		return nil
	})
	return ids, fail("find what is due late", err)
}

// allHeld tells whether there is a hold of everything.
func allHeld(tx *db.Tx, now time.Time) (yes bool, err error) {
	err = tx.Row(`SELECT EXISTS (SELECT 1 FROM holds WHERE kind = 'all' AND what = '' AND ended = 0 AND (until = 0 OR until > ?))`, now.UnixNano()).Scan(&yes)
	return yes, err
}

// keeper compares deliveries with the holds, within one claim.
type keeper struct {
	tx     *db.Tx
	now    time.Time
	any    bool // there are holds
	all    bool // one of everything
	facts  map[ItemID]Item
	fits   map[keptPlace][]keeping
	passes map[HoldID]ItemID // the message that a hold lets pass
}

// keptPlace is what holds are looked up for.
type keptPlace struct {
	item        ItemID
	destination string
}

// keeping is a hold with the time from which it lets one pass.
type keeping struct {
	Hold
	passAt time.Time
}

func newKeeper(tx *db.Tx, now time.Time) (*keeper, error) {
	k := &keeper{tx: tx, now: now, facts: map[ItemID]Item{}, fits: map[keptPlace][]keeping{}, passes: map[HoldID]ItemID{}}
	err := tx.Row(`SELECT EXISTS (SELECT 1 FROM holds WHERE ended = 0)`).Scan(&k.any)
	if err == nil && k.any {
		k.all, err = allHeld(tx, now)
	}
	return k, err
}

// keeps tells whether a hold keeps d, and enters that it does. What a hold has
// given back by itself, it lets through.
func (k *keeper) keeps(d *due) (bool, error) {
	if !k.any {
		return false, nil
	}
	holds, err := k.holds(d)
	if err != nil {
		return false, err
	}
	it := k.facts[d.Item]
	for _, h := range holds {
		old := h.Age > 0 && !k.now.Before(it.Arrived.Add(h.Age))
		up := h.ID == d.Hold && d.ready != passing
		pass := k.mayPass(h, d)
		if !old && !up && !pass {
			return true, k.keep(h, it, d)
		}
		d.Under, d.Probes = h.ID, d.Probes || pass && h.Probe
	}
	for _, h := range holds {
		if err := k.pass(h, d); err != nil {
			return false, err
		}
	}
	return false, nil
}

// mayPass tells whether d is of the message that h lets pass now.
func (k *keeper) mayPass(h keeping, d *due) bool {
	if h.Every == 0 {
		return false
	}
	passes, chosen := k.passes[h.ID]
	return h.ID == d.Hold || chosen && passes == d.Item || !chosen && !k.now.Before(h.passAt)
}

// pass enters that a hold has let d pass which it was the time for.
func (k *keeper) pass(h keeping, d *due) error {
	if _, chosen := k.passes[h.ID]; chosen || h.Every == 0 || h.ID == d.Hold || k.now.Before(h.passAt) {
		return nil
	}
	k.passes[h.ID] = d.Item
	return passed(k.tx, h.ID, k.now)
}

// keep takes d from the scheduler, for good or until its hold wants it to come
// up.
func (k *keeper) keep(h keeping, it Item, d *due) error {
	up := time.Time{}
	for _, age := range []time.Duration{h.Notice, h.Age} {
		if at := it.Arrived.Add(age); age > 0 && at.After(k.now) && (up.IsZero() || at.Before(up)) {
			up = at
		}
	}
	held, ready := up.IsZero(), d.ready
	if !held {
		ready = up.UnixNano()
	}
	_, err := k.tx.Exec(`UPDATE deliveries SET hold = ?, held = ?, ready = ? WHERE id = ?`, h.ID, held, ready, d.ID)
	return err
}

// holdsOf are the holds of a queue id, three names of a sender, and a destination.
const holdsOf = `SELECT pass_at, ` + holdColumns + ` FROM holds WHERE ended = 0
	AND (kind, what) IN (VALUES ('item', ?1), ('sender', ?2), ('sender', ?3), ('sender', ?4), ('destination', ?5))
	AND (until = 0 OR until > ?6) ORDER BY id`

// holds are those that are about d, oldest first.
func (k *keeper) holds(d *due) ([]keeping, error) {
	place := keptPlace{d.Item, d.Destination}
	if fits, known := k.fits[place]; known {
		return fits, nil
	}
	it, known := k.facts[d.Item]
	if !known {
		var err error
		if it, err = scanItem(k.tx.Row(`SELECT `+itemColumns+` FROM items WHERE id = ?`, d.Item)); err != nil {
			return nil, fmt.Errorf("item %d: %w", d.Item, err)
		}
		k.facts[d.Item] = it
	}
	address, domain := senderKeys(it.Envelope.From)
	fits, err := collect(k.tx, scanKeeping, holdsOf, it.QueueID, address, domain, it.Origin.Login, d.Destination, k.now.UnixNano())
	k.fits[place] = fits
	return fits, err
}

func scanKeeping(row scanner) (h keeping, err error) {
	var passAt int64
	h.Hold, err = scanHold(prefixed{row, &passAt})
	h.passAt = time.Unix(0, passAt)
	return h, err
}
