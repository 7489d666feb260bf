package store

import (
	"context"
	"errors"
	"strings"

	"posthorn/internal/db"
	"posthorn/mail"
)

// Sent is a message of ours to one recipient, as the sent log has it: the event of
// its acceptance, for as long as events are kept.
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
		return eachDay(tx, func(day int64) (more bool, err error) {
			all, err := sentOn(tx, day, messageID, to)
			found = from(all, sender)
			return found == nil, err
		})
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

// sentOn finds the events of one day in which an account's mail was accepted.
func sentOn(tx *db.Tx, day int64, messageID string, to []mail.Path) ([]Sent, error) {
	if messageID == "" || len(to) == 0 {
		return nil, nil
	}
	args := []any{day, messageID}
	for _, p := range to {
		args = append(args, p.String())
	}
	return collect(tx, scanSent, `SELECT item, session, message_id, login, sender, recipient FROM events
		WHERE leads = 1 AND day = ? AND message_id <> '' AND message_id = ? AND login <> ''
			AND recipient COLLATE NOCASE IN (?`+strings.Repeat(", ?", len(to)-1)+`)
		ORDER BY id DESC LIMIT ?`, append(args, maxSent)...)
}
