package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"posthorn/internal/db"
	"posthorn/mail"
)

// EventID numbers events in the order in which they were entered.
type EventID int64

// Events lists what happened to a message, oldest first, from behind an event on,
// at most limit. It also answers for one that has left the queue, as long as
// events are kept. No event is no error.
func (s *Store) Events(ctx context.Context, queueID string, after EventID, limit int) ([]Event, error) {
	var all []Event
	err := s.db.View(ctx, func(tx *db.Tx) error {
		return eachDay(tx, func(day int64) (bool, error) {
			some, err := collect(tx, scanEvent, eventsOfDay, day, strings.ToUpper(queueID), after, limit)
			all = append(all, some...)
			return true, err
		})
	})
	slices.SortFunc(all, func(a, b Event) int { return int(a.ID - b.ID) }) // days come newest first
	if len(all) > limit {
		all = all[:limit]
	}
	return all, fail("read events of "+mail.Clean(queueID), err)
}

// Leads is a question for events that lead to messages.
type Leads struct {
	Address   string    // sender or recipient, in any case; "" for any
	MessageID string    // without angle brackets; "" for any
	Since     time.Time // not before
	Before    EventID   // older than this event; 0: from the newest on
	Limit     int
}

// Lead finds events that lead to messages, newest first: one for each recipient
// of a message, when it was accepted or refused.
func (s *Store) Lead(ctx context.Context, l Leads) ([]Event, error) {
	if l.Address == "" && l.MessageID == "" {
		return nil, fail("look for events", ErrInvalid)
	}
	var all []Event
	err := s.db.View(ctx, func(tx *db.Tx) error {
		return eachDay(tx, func(day int64) (bool, error) {
			some, err := l.of(tx, day)
			all = append(all, some...)
			return len(all) < l.Limit && day >= day64(l.Since), err
		})
	})
	if len(all) > l.Limit {
		all = all[:l.Limit]
	}
	return all, fail("look for events", err)
}

func day64(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return day(t)
}

// of gives the newest events of one day. Each column has an index of its own.
func (l Leads) of(tx *db.Tx, day int64) ([]Event, error) {
	before, since := l.Before, int64(0)
	if before == 0 {
		before = 1<<63 - 1
	}
	if !l.Since.IsZero() {
		since = l.Since.UnixNano()
	}
	if l.MessageID != "" {
		return collect(tx, scanEvent, leadsByID, day, l.MessageID, before, since, l.Limit)
	}
	var all []Event
	for _, query := range []string{leadsBySender, leadsByRecipient} {
		some, err := collect(tx, scanEvent, query, day, l.Address, before, since, l.Limit)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b Event) int { return int(b.ID - a.ID) })
	return slices.CompactFunc(all, func(a, b Event) bool { return a.ID == b.ID }), nil // who wrote to himself
}

// The questions, each of one day and answered from an index (eventsSchema).
const (
	eventsOfDay      = `SELECT ` + eventColumns + ` FROM events WHERE day = ? AND session = ? AND id > ? ORDER BY id LIMIT ?`
	leadsByID        = `SELECT ` + eventColumns + ` FROM events WHERE leads = 1 AND day = ? AND message_id <> '' AND message_id = ?` + leadsPage
	leadsBySender    = `SELECT ` + eventColumns + ` FROM events WHERE leads = 1 AND day = ? AND lower(sender) = lower(?)` + leadsPage
	leadsByRecipient = `SELECT ` + eventColumns + ` FROM events WHERE leads = 1 AND day = ? AND lower(recipient) = lower(?)` + leadsPage
	leadsPage        = ` AND id < ? AND at >= ? ORDER BY id DESC LIMIT ?`
	dayBefore        = `SELECT day FROM events WHERE day < ? ORDER BY day DESC LIMIT 1`
)

// eachDay calls fn with each day that has events, the newest first, until it says
// false.
func eachDay(tx *db.Tx, fn func(day int64) (more bool, err error)) error {
	next := int64(1<<63 - 1)
	for {
		err := tx.Row(dayBefore, next).Scan(&next)
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if more, err := fn(next); !more || err != nil {
			return err
		}
	}
}
