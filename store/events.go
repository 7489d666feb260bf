package store

import (
	"time"

	"posthorn/internal/db"
)

// EventsKept is how long a message's life can be read back, unless Options say
// otherwise.
const EventsKept = 30 * 24 * time.Hour

// day is the one an event is found under.
func day(at time.Time) int64 { return at.UnixNano() / int64(24*time.Hour) }

// record enters one event; first is the id of its Change's first new item.
func record(tx *db.Tx, e *Event, first ItemID, now time.Time) error {
	item, at := e.Item, e.At
	if item == 0 {
		item = first
	}
	if at.IsZero() {
		at = now
	}
	_, err := tx.Exec(`INSERT INTO events (day, at, kind, item, session, message_id, sender, recipient, mta, status, took, detail, linked, leads, login)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		day(at), at.UnixNano(), e.Kind, item, e.Session, e.MessageID, e.From, e.To, e.MTA, e.Status, int64(e.Took), e.Detail, e.Linked, e.Leads, e.Login)
	return fail("record "+e.Kind, err)
}

const eventColumns = `id, at, kind, item, session, message_id, sender, recipient, mta, status, took, detail, linked, leads, login`

func scanEvent(row scanner) (Event, error) {
	var e Event
	var at, took int64
	err := row.Scan(&e.ID, &at, &e.Kind, &e.Item, &e.Session, &e.MessageID, &e.From, &e.To, &e.MTA, &e.Status, &took, &e.Detail, &e.Linked, &e.Leads, &e.Login)
	e.At, e.Took = time.Unix(0, at), time.Duration(took)
	return e, err
}

// forgetEvents deletes up to limit events from before a time, and tells how many
// it found. It looks at the oldest ones by id, since events are entered within
// seconds of what they tell; an index by time would be written with each of them.
// Where the clock has jumped, and young ones stand before old ones, the old go by
// their day.
func forgetEvents(tx *db.Tx, before time.Time, limit int) (int64, error) {
	n, err := tx.Exec(`DELETE FROM events WHERE id IN (
		SELECT id FROM (SELECT id, at FROM events WHERE id > 0 ORDER BY id LIMIT ?2) WHERE at < ?1)`, before.UnixNano(), limit)
	if err != nil || n == int64(limit) {
		return n, err
	}
	more, err := tx.Exec(`DELETE FROM events WHERE id IN (SELECT id FROM events WHERE day < ? LIMIT ?)`, day(before), int64(limit)-n)
	return n + more, err
}
