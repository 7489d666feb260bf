package store

import (
	"context"
	"fmt"
	"time"

	"posthorn/internal/db"
)

// eventsKept is how long a message's life can be read back.
const eventsKept = 30 * 24 * time.Hour

// record enters one event; first is the id of its Change's first new item.
func record(tx *db.Tx, e *Event, first ItemID, now time.Time) error {
	item, at := e.Item, e.At
	if item == 0 {
		item = first
	}
	if at.IsZero() {
		at = now
	}
	_, err := tx.Exec(`INSERT INTO events (at, kind, item, session, message_id, sender, recipient, mta, status, took, login)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		at.UnixNano(), e.Kind, item, e.Session, e.MessageID, e.From, e.To, e.MTA, e.Status, int64(e.Took), e.Login)
	return fail("record "+e.Kind, err)
}

// Events lists what happened to an item, oldest first; it also answers for one
// that is gone, for thirty days. No event is no error.
func (s *Store) Events(ctx context.Context, id ItemID) ([]Event, error) {
	var all []Event
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, scanEvent, `SELECT `+eventColumns+` FROM events WHERE item = ? ORDER BY id`, id)
		return err
	})
	return all, fail(fmt.Sprintf("read events of item %d", id), err)
}

const eventColumns = `at, kind, item, session, message_id, sender, recipient, mta, status, took, login`

func scanEvent(row scanner) (Event, error) {
	var e Event
	var at, took int64
	err := row.Scan(&at, &e.Kind, &e.Item, &e.Session, &e.MessageID, &e.From, &e.To, &e.MTA, &e.Status, &took, &e.Login)
	e.At, e.Took = time.Unix(0, at), time.Duration(took)
	return e, err
}

// forgetEvents deletes up to limit events that are too old, and tells how many
// it found.
func forgetEvents(tx *db.Tx, now time.Time, limit int) (int64, error) {
	return tx.Exec(`DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? ORDER BY at LIMIT ?)`,
		now.Add(-eventsKept).UnixNano(), limit)
}
