package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"posthorn/internal/db"
)

// Filter chooses among waiting deliveries. Empty conditions hold.
type Filter struct {
	Items       []ItemID  // of one of these; nil: of any
	From        string    // login, return path or its domain, in key form; "<>" for the null return path
	To          string    // recipient, in key form
	Domain      string    // recipient's domain, in key form
	Destination string    // Delivery.Destination
	Before      time.Time // arrived before
	Since       time.Time // arrived at this time or later
	Reason      string    // the last reply's code, its enhanced code, or part of its text in any case
	Attempts    int       // at least so many were made
	Held        bool      // a hold keeps it, or it is held by itself
}

// isEmpty tells whether everything is chosen.
func (f Filter) isEmpty() bool {
	return f.Items == nil && f.From+f.To+f.Domain+f.Destination+f.Reason == "" && f.Before.IsZero() && f.Since.IsZero() && f.Attempts <= 0 && !f.Held
}

// Matched is a delivery that waits, and its item's.
type Matched struct {
	Item     ItemID
	Delivery DeliveryID
}

// scanStep is how many ids of deliveries one look goes through: some 20 ms.
const scanStep = 20_000

// Match finds deliveries that wait, in the order of their ids, from behind one on,
// at most limit. It looks through a part of the queue only: next is where to go on,
// zero at the end.
func (s *Store) Match(ctx context.Context, f Filter, after DeliveryID, limit int) (found []Matched, next DeliveryID, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		found, next, err = f.match(tx, after, limit)
		return err
	})
	return found, next, fail("look through the queue", err)
}

func (f Filter) match(tx *db.Tx, after DeliveryID, limit int) (found []Matched, next DeliveryID, err error) {
	if f.Items != nil {
		return f.ofItems(tx, after, limit)
	}
	first := DeliveryID(0)
	if f.Destination != "" {
		err = tx.Row(`SELECT id FROM deliveries WHERE state = 'waiting' AND destination = ? AND id > ? ORDER BY id LIMIT 1`, f.Destination, after).Scan(&first)
	} else {
		err = tx.Row(`SELECT id FROM deliveries WHERE id > ? ORDER BY id LIMIT 1`, after).Scan(&first)
	}
	if errors.Is(err, db.ErrNoRows) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	last := first + scanStep - 1
	where := `d.id BETWEEN ?1 AND ?2`
	if f.Destination != "" {
		where += ` AND d.destination = ?3`
	} else {
		where += ` AND ?3 = ''`
	}
	found, err = f.collect(tx, where, limit, int64(first), int64(last), f.Destination)
	if len(found) == limit {
		last = found[limit-1].Delivery
	}
	return found, last, err
}

// ofItems looks at one item after the other, in the order of their ids, which is
// that of their deliveries too.
func (f Filter) ofItems(tx *db.Tx, after DeliveryID, limit int) (found []Matched, next DeliveryID, err error) {
	for _, item := range f.Items {
		some, err := f.collect(tx, `d.item = ?1 AND d.id > ?2 AND (?3 = '' OR d.destination = ?3)`, limit-len(found), int64(item), int64(after), f.Destination)
		if err != nil {
			return nil, 0, err
		}
		if found = append(found, some...); len(found) == limit {
			return found, found[limit-1].Delivery, nil
		}
	}
	return found, 0, nil
}

// conditions are those of a Filter but for where it looks. Each is a parameter, so
// that there is one statement for all filters.
const conditions = ` AND d.state = 'waiting'
	AND (?4 = '' OR ?4 = lower(i.login) OR ?4 = lower(i.from_domain) OR ?4 = ` + fromKey + `)
	AND (?5 = '' OR ?5 = lower(d.local || '@' || d.domain))
	AND (?6 = '' OR ?6 = lower(d.domain))
	AND (?7 = 0 OR i.arrived < ?7) AND (?8 = 0 OR i.arrived >= ?8)
	AND (?9 = '' OR ?9 = d.reply_x OR ?9 = CAST(d.reply_code AS TEXT) OR instr(lower(d.reply_text), ?9) > 0)
	AND d.attempts >= ?10
	AND (?11 = 0 OR d.held = 1 OR d.hold <> 0 OR EXISTS (SELECT 1 FROM holds h WHERE h.ended = 0 AND (h.until = 0 OR h.until > ?12) AND (h.kind = 'all'
		OR h.kind = 'item' AND h.what = i.queue_id OR h.kind = 'destination' AND h.what = d.destination
		OR h.kind = 'sender' AND h.what IN (i.login, lower(i.from_domain), ` + fromKey + `))))`

// fromKey is an item's return path as people name it.
const fromKey = `CASE WHEN i.from_domain = '' AND i.from_local = '' THEN '<>' ELSE lower(i.from_local || '@' || i.from_domain) END`

func (f Filter) collect(tx *db.Tx, where string, limit int, a, b int64, destination string) ([]Matched, error) {
	return collect(tx, scanMatched, `SELECT d.item, d.id FROM deliveries d CROSS JOIN items i ON i.id = d.item
		WHERE `+where+conditions+` ORDER BY d.id LIMIT ?13`, append(append([]any{a, b, destination}, f.arguments()...), limit)...)
}

// arguments are the parameters 4 to 12 of conditions.
func (f Filter) arguments() []any {
	nanos := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.UnixNano()
	}
	return []any{f.From, f.To, f.Domain, nanos(f.Before), nanos(f.Since), strings.ToLower(f.Reason), f.Attempts, f.Held, time.Now().UnixNano()}
}

func scanMatched(row scanner) (w Matched, err error) { return w, row.Scan(&w.Item, &w.Delivery) }

// Delivery is one delivery, in whatever state. ErrNotFound also when its item has
// ended.
func (s *Store) Delivery(ctx context.Context, id DeliveryID) (Delivery, error) {
	var d Delivery
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		d, err = scanDelivery(tx.Row(`SELECT `+deliveryColumns+` FROM deliveries WHERE id = ?`, id))
		return err
	})
	return d, fail("read a delivery", err)
}

// Resume lets those of the deliveries go on that wait and that no hold keeps: held
// by themselves no more, and due at a time. One that is claimed keeps its claim. It tells how many.
func (s *Store) Resume(ctx context.Context, ids []DeliveryID, due time.Time) (int, error) {
	return s.changeWaiting(ctx, "resume", ids, func(tx *db.Tx, id DeliveryID) (int64, error) {
		return tx.Exec(`UPDATE deliveries SET held = 0, due = ?1, ready = CASE WHEN claimed_until > ?1 THEN claimed_until ELSE ?1 END
			WHERE id = ?2 AND state = 'waiting' AND hold = 0`, due.UnixNano(), id)
	})
}

// Pause holds those of the deliveries that wait, each by itself, or with held
// false lets them go on when they are due. It tells how many it has changed.
func (s *Store) Pause(ctx context.Context, ids []DeliveryID, held bool) (int, error) {
	return s.changeWaiting(ctx, "hold", ids, func(tx *db.Tx, id DeliveryID) (int64, error) {
		return tx.Exec(`UPDATE deliveries SET held = ? WHERE id = ? AND state = 'waiting' AND hold = 0 AND held = ?`, held, id, !held)
	})
}

func (s *Store) changeWaiting(ctx context.Context, doing string, ids []DeliveryID, update func(*db.Tx, DeliveryID) (int64, error)) (changed int, err error) {
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		changed = 0
		for _, id := range ids {
			n, err := update(tx, id)
			if err != nil {
				return err
			}
			changed += int(n)
		}
		return nil
	})
	return changed, fail(doing, err)
}
