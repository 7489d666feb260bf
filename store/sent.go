package store

import (
	"context"
	"errors"

	"posthorn/internal/db"
	"posthorn/mail"
)

// Sent is a message of ours to one recipient, as the sent log has it: the events
// of thirty days, and the queue for what has none yet.
type Sent struct {
	Item      ItemID
	QueueID   string
	MessageID string
	Login     string // whose mail it was; "local" for this host's own
	From, To  string // as they were on the wire
}

// maxSent is how many rows of one message and recipient are looked at: a
// message with one Message-ID is sent once, but not by all programs.
const maxSent = 100

// FindSent finds what our people sent with messageID (without angle brackets),
// from sender, to one of the recipients. ErrNotFound: nobody did, as far as is
// known. Domains are compared without regard to case, and so are local parts:
// hosts that report failures write them as they like.
func (s *Store) FindSent(ctx context.Context, messageID string, sender mail.Path, to []mail.Path) (Sent, error) {
	var found *Sent
	err := s.db.View(ctx, func(tx *db.Tx) error {
		for _, p := range to {
			for _, look := range []func(*db.Tx, string, mail.Path) ([]Sent, error){sentEvents, sentItems} {
				all, err := look(tx, messageID, p)
				if err != nil {
					return err
				}
				if found = from(all, sender); found != nil {
					return nil
				}
			}
		}
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, db.ErrNoRows):
		return Sent{}, fail("find what was sent as "+mail.Clean(messageID), err)
	case found == nil:
		return Sent{}, fail("find what was sent as "+mail.Clean(messageID), ErrNotFound)
	}
	return *found, nil
}

// from is the first of all that has the sender.
func from(all []Sent, sender mail.Path) *Sent {
	for i := range all {
		if p, err := mail.ParsePath(all[i].From); err == nil && !p.IsNull() && p.Key() == sender.Key() {
			return &all[i]
		}
	}
	return nil
}

func scanSent(row scanner) (s Sent, err error) {
	return s, row.Scan(&s.Item, &s.QueueID, &s.MessageID, &s.Login, &s.From, &s.To)
}

func sentEvents(tx *db.Tx, messageID string, to mail.Path) (all []Sent, err error) {
	err = eachDay(tx, func(day int64) (more bool, err error) {
		some, err := collect(tx, scanSent, `SELECT item, session, message_id, login, sender, recipient FROM events
			WHERE leads = 1 AND day = ?1 AND message_id = ?2 AND message_id <> '' AND recipient = ?3 COLLATE NOCASE AND login <> ''
			ORDER BY id DESC LIMIT ?4`, day, messageID, to.String(), maxSent)
		all = append(all, some...)
		return len(all) < maxSent, err
	})
	return all, err
}

// sentItems looks at what nobody has entered an outcome of: a bounce may be
// quicker than we are.
func sentItems(tx *db.Tx, messageID string, to mail.Path) ([]Sent, error) {
	items, err := collect(tx, scanItem, `SELECT `+itemColumns+` FROM items
		WHERE message_id = ?1 AND message_id <> '' ORDER BY id DESC LIMIT ?2`, messageID, maxSent)
	if err != nil {
		return nil, err
	}
	var all []Sent
	for _, it := range items {
		login := it.Origin.Sender()
		if login == "" {
			continue
		}
		var there bool
		err := tx.Row(`SELECT EXISTS (SELECT 1 FROM deliveries WHERE item = ? AND local = ? COLLATE NOCASE AND domain = ? COLLATE NOCASE)`,
			it.ID, to.Local, to.Domain).Scan(&there)
		if err != nil {
			return nil, err
		}
		if there {
			all = append(all, Sent{it.ID, it.QueueID, it.MessageID, login, it.Envelope.From.String(), to.String()})
		}
	}
	return all, nil
}
