package store

import (
	"context"
	"fmt"
	"time"

	"posthorn/internal/db"
	"posthorn/mail"
)

// A hold keeps deliveries from being tried. It is one row, however many it keeps
// and whenever they came: a delivery is compared with the holds when it is due
// and would be claimed (claim.go). One that is kept leaves the scheduler's index
// and costs nothing until its hold ends; FreeHeld then gives back what was kept,
// in steps.

// HoldID names a hold.
type HoldID int64

// HoldKind says what a hold is about.
type HoldKind string

// The kinds of holds, and what Hold.What is.
const (
	HoldAll         HoldKind = "all"         // ""
	HoldItem        HoldKind = "item"        // a queue id
	HoldSender      HoldKind = "sender"      // a login or return path, a return path's domain, or "<>"; key form (mail.Path.Key)
	HoldDestination HoldKind = "destination" // Delivery.Destination
)

// Who sets a hold. The program never changes what an administrator has set.
const (
	ByAdmin   = "admin"
	ByProgram = "program"
)

// Hold is one hold.
type Hold struct {
	ID     HoldID
	Kind   HoldKind
	What   string
	Reason string // for people
	By     string // ByAdmin or ByProgram
	Since  time.Time
	Until  time.Time // zero: until it is released

	// Every lets one message pass each so long; 0: none passes. Where Probe is set
	// it passes to find out whether the hold is still needed (Delivery.Probes).
	Every time.Duration
	Probe bool
	// Notice, when it is not 0, lets a delivery come up once when its message is so
	// old, so that its sender hears of it; Age keeps none whose message is older: it
	// is tried, and so comes to its end.
	Notice, Age time.Duration
}

const holdColumns = `id, kind, what, reason, set_by, since, until, pass_every, probe, notice, age`

func scanHold(row scanner) (Hold, error) {
	var h Hold
	var since, until int64
	err := row.Scan(&h.ID, &h.Kind, &h.What, &h.Reason, &h.By, &since, &until, &h.Every, &h.Probe, &h.Notice, &h.Age)
	h.Since = time.Unix(0, since)
	if until != 0 {
		h.Until = time.Unix(0, until)
	}
	return h, err
}

// Fits tells whether h is about a delivery of an item.
func (h Hold) Fits(it Item, destination string) bool {
	switch h.Kind {
	case HoldAll:
		return true
	case HoldItem:
		return h.What == it.QueueID
	case HoldSender:
		address, domain := senderKeys(it.Envelope.From)
		return h.What == address || h.What == domain && domain != "" || h.What == it.Origin.Login && h.What != ""
	case HoldDestination:
		return h.What == destination
	}
	return false
}

// senderKeys are the names by which a return path is held.
func senderKeys(p mail.Path) (address, domain string) {
	if p.IsNull() {
		return "<>", ""
	}
	return p.Key().String(), p.Key().Domain
}

// Holds lists the holds that have not ended, oldest first.
func (s *Store) Holds(ctx context.Context) ([]Hold, error) {
	var all []Hold
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, scanHold, `SELECT `+holdColumns+` FROM holds WHERE ended = 0 AND (until = 0 OR until > ?) ORDER BY id`, time.Now().UnixNano())
		return err
	})
	return all, fail("list holds", err)
}

// SetHold sets a hold on what is not held, or changes the one that there is; its
// ID and Since do not count.
func (s *Store) SetHold(ctx context.Context, h Hold) error {
	err := s.db.Commit(ctx, 0, func(tx *db.Tx) error { return setHold(tx, &h, time.Now()) })
	return fail("hold", err)
}

func setHold(tx *db.Tx, h *Hold, now time.Time) error {
	if h.Kind == HoldAll && h.What != "" || h.Kind != HoldAll && h.What == "" || h.By == "" {
		return fmt.Errorf("hold %s %q: %w", h.Kind, h.What, ErrInvalid)
	}
	until := int64(0)
	if !h.Until.IsZero() {
		until = h.Until.UnixNano()
	}
	_, err := tx.Exec(`UPDATE holds SET ended = 1 WHERE kind = ? AND what = ? AND ended = 0 AND until <> 0 AND until <= ?`, string(h.Kind), h.What, now.UnixNano())
	if err != nil {
		return err
	}
	n, err := tx.Exec(`UPDATE holds SET reason = ?1, set_by = ?2, until = ?3, pass_every = ?4, probe = ?5, notice = ?6, age = ?7,
			pass_at = CASE WHEN pass_every = ?4 THEN pass_at ELSE ?8 END
		WHERE kind = ?9 AND what = ?10 AND ended = 0 AND (set_by <> ?11 OR ?2 = ?11)`,
		h.Reason, h.By, until, int64(h.Every), h.Probe, int64(h.Notice), int64(h.Age), now.Add(h.Every).UnixNano(), string(h.Kind), h.What, ByAdmin)
	if err != nil || n > 0 {
		return err
	}
	_, err = tx.Exec(`INSERT INTO holds (kind, what, reason, set_by, since, until, pass_every, pass_at, probe, notice, age)
		SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 WHERE NOT EXISTS (SELECT 1 FROM holds WHERE kind = ?1 AND what = ?2 AND ended = 0)`,
		string(h.Kind), h.What, h.Reason, h.By, now.UnixNano(), until, int64(h.Every), now.Add(h.Every).UnixNano(), h.Probe, int64(h.Notice), int64(h.Age))
	return err
}

// EndHold ends a hold; what it kept is given back by FreeHeld. ErrNotFound: there
// is none.
func (s *Store) EndHold(ctx context.Context, kind HoldKind, what string) error {
	err := s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		if err := one(tx.Exec(`UPDATE holds SET ended = 1 WHERE kind = ? AND what = ? AND ended = 0`, string(kind), what)); err != nil {
			return err
		}
		// Should it be held again, that is news.
		if _, err := tx.Exec(`DELETE FROM notices WHERE key = ?`, what); err != nil || kind != HoldSender {
			return err
		}
		// Who is released is not held again for what was known by then.
		_, err := tx.Exec(`DELETE FROM sending WHERE login = ?`, what)
		return err
	})
	return fail(fmt.Sprintf("release %s %s", kind, mail.Clean(what)), err)
}

// ProbeNow lets each hold that probes pass its next message at once.
func (s *Store) ProbeNow(ctx context.Context) error {
	err := s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		_, err := tx.Exec(`UPDATE holds SET pass_at = ? WHERE ended = 0 AND probe AND set_by <> ?`, time.Now().UnixNano(), ByAdmin)
		return err
	})
	return fail("probe at once", err)
}

// endHold ends a hold, if it has not ended.
func endHold(tx *db.Tx, id HoldID) error {
	_, err := tx.Exec(`UPDATE holds SET ended = 1 WHERE id = ? AND set_by <> ?`, id, ByAdmin)
	return err
}

// PullHolds corrects the holds that let messages pass when a clock that was ahead is
// right again: none waits longer for the next than it does between two, and those
// of the program end within longest.
func (s *Store) PullHolds(ctx context.Context, now time.Time, longest time.Duration) error {
	err := s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		if _, err := tx.Exec(`UPDATE holds SET pass_at = ?1 + pass_every WHERE ended = 0 AND pass_every <> 0 AND pass_at > ?1 + pass_every`, now.UnixNano()); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE holds SET until = ?1 WHERE ended = 0 AND set_by = ?2 AND until > ?1`, now.Add(longest).UnixNano(), ByProgram)
		return err
	})
	return fail("pull holds in", err)
}

// What the holds keep is found by an index of hold where it is not 0, and by no
// other way: SQLite uses it for a question that says so.
const (
	freeKept = `UPDATE deliveries SET hold = 0, held = 0, ready = min(due, ?) WHERE id IN
		(SELECT id FROM deliveries WHERE hold <> 0 AND hold = ? LIMIT ?)`
	passOldest = `UPDATE deliveries SET held = 0, ready = ? WHERE hold <> 0 AND hold = ? AND state = 'waiting' AND claimed_until = 0
		AND item = (SELECT item FROM deliveries WHERE hold <> 0 AND hold = ? AND state = 'waiting' ORDER BY id LIMIT 1)`
	nextHold = `SELECT coalesce(min(CASE WHEN until <> 0 AND (until < pass_at OR NOT passes) THEN until WHEN passes THEN pass_at END), 0)
		FROM (SELECT until, pass_at, pass_every <> 0 AND EXISTS (SELECT 1 FROM deliveries WHERE hold <> 0 AND hold = holds.id) AS passes
			FROM holds WHERE ended = 0)`
)

// freeStep is how many deliveries one step of FreeHeld gives back, about.
const freeStep = 1000

// FreeHeld gives back to the scheduler what ended holds have kept, and one message
// for each hold that lets one pass at now: one step. More tells that another step
// has something to do at once, next when a hold does something by itself, zero for
// never.
func (s *Store) FreeHeld(ctx context.Context, now time.Time) (more bool, next time.Time, err error) {
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) (err error) {
		if _, err = tx.Exec(`UPDATE holds SET ended = 1 WHERE ended = 0 AND until <> 0 AND until <= ?`, now.UnixNano()); err != nil {
			return err
		}
		if more, err = freeEnded(tx, now); err != nil {
			return err
		}
		if err = passOne(tx, now); err != nil {
			return err
		}
		next, err = nextOfHolds(tx)
		return err
	})
	return more, next, fail("free what was held", err)
}

// freeEnded gives back what ended holds have kept. It was due when it was kept,
// whatever the clock shows now.
func freeEnded(tx *db.Tx, now time.Time) (more bool, err error) {
	ids, err := collect(tx, scanID[HoldID], `SELECT id FROM holds WHERE ended = 1 ORDER BY id`)
	left := int64(freeStep)
	for _, id := range ids {
		n, err := tx.Exec(freeKept, now.UnixNano(), id, left)
		if err != nil || n == left {
			return true, err
		}
		left -= n
		if _, err := tx.Exec(`DELETE FROM holds WHERE id = ?`, id); err != nil {
			return false, err
		}
	}
	return false, err
}

// passOne gives back the oldest message of each hold that lets one pass now, ahead
// of all others. A hold that keeps nothing lets the next that comes pass at once.
func passOne(tx *db.Tx, now time.Time) error {
	ids, err := collect(tx, scanID[HoldID], `SELECT id FROM holds WHERE ended = 0 AND pass_every <> 0 AND pass_at <= ?`, now.UnixNano())
	for i := 0; i < len(ids) && err == nil; i++ {
		var n int64
		n, err = tx.Exec(passOldest, passing, ids[i], ids[i])
		if err == nil && n > 0 {
			err = passed(tx, ids[i], now)
		}
	}
	return err
}

// passing is the ready of a delivery that a hold lets pass.
const passing = 0

func passed(tx *db.Tx, id HoldID, now time.Time) error {
	_, err := tx.Exec(`UPDATE holds SET pass_at = ? + pass_every WHERE id = ?`, now.UnixNano(), id)
	return err
}

// nextOfHolds is when a hold ends by itself or lets one of those pass that it
// keeps.
func nextOfHolds(tx *db.Tx) (time.Time, error) {
	var at int64
	err := tx.Row(nextHold).Scan(&at)
	if at == 0 {
		return time.Time{}, err
	}
	return time.Unix(0, at), err
}

func scanID[T any](row scanner) (id T, err error) {
	err = row.Scan(&id)
	return id, err
}
