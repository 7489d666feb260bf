package store

import (
	"context"
	"errors"

	"posthorn/internal/db"
)

// markSchema: every message of the mailbox with a UID up to through has been
// seen by the derivation; "" is the packing of digests.
const markSchema = `
CREATE TABLE marks (
	mailbox INTEGER NOT NULL,
	name    TEXT NOT NULL,
	through INTEGER NOT NULL,
	PRIMARY KEY (mailbox, name)
) STRICT, WITHOUT ROWID;
`

// mark is how far a derivation has come in a mailbox.
func mark(tx *db.Tx, box MailboxID, name string) (through UID, err error) {
	err = tx.Row(`SELECT through FROM marks WHERE mailbox = ? AND name = ?`, box, name).Scan(&through)
	if errors.Is(err, db.ErrNoRows) {
		return 0, nil
	}
	return through, err
}

func setMark(tx *db.Tx, box MailboxID, name string, through UID) error {
	_, err := tx.Exec(`INSERT INTO marks (mailbox, name, through) VALUES (?, ?, ?)
		ON CONFLICT (mailbox, name) DO UPDATE SET through = excluded.through`, box, name, through)
	return err
}

// boxMarks is how far the derivations have come in a mailbox.
type boxMarks struct {
	box       MailboxID
	low, high UID
	n         int // of marks; fewer than there are derivations, and some have not begun
}

// markBlock is how many mailboxes are looked at in one view: there may be very
// many, and none must be held for long.
const markBlock = 1024

// eachMarks gives the marks of all mailboxes in blocks, in the order of their ids.
// It does not wait for the derived file to be proved.
func (s *Store) eachMarks(ctx context.Context, do func(block []boxMarks) error) error {
	for after := MailboxID(0); ; {
		var block []boxMarks
		err := s.derived.DB.View(ctx, func(tx *db.Tx) (err error) {
			block, err = collect(tx, scanBoxMarks, `SELECT mailbox, min(through), max(through), count(*) FROM marks
				WHERE mailbox > ? GROUP BY mailbox ORDER BY mailbox LIMIT ?`, after, markBlock)
			return err
		})
		if err == nil {
			err = ctx.Err()
		}
		if err == nil && len(block) > 0 {
			err = do(block)
			after = block[len(block)-1].box
		}
		if err != nil || len(block) < markBlock {
			return err
		}
	}
}

// marksBetween gives the marks of the mailboxes from an id to another, both
// included.
func marksBetween(tx *db.Tx, from, to MailboxID) (map[MailboxID]boxMarks, error) {
	block, err := collect(tx, scanBoxMarks, `SELECT mailbox, min(through), max(through), count(*) FROM marks
		WHERE mailbox BETWEEN ? AND ? GROUP BY mailbox`, from, to)
	all := make(map[MailboxID]boxMarks, len(block))
	for _, m := range block {
		all[m.box] = m
	}
	return all, err
}

func scanBoxMarks(row scanner) (m boxMarks, err error) {
	err = row.Scan(&m.box, &m.low, &m.high, &m.n)
	return m, err
}
