package store

import (
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

// eachMark calls fn for every mark.
func eachMark(tx *db.Tx, fn func(box MailboxID, name string, through UID)) error {
	rows, err := tx.Query(`SELECT mailbox, name, through FROM marks`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var box MailboxID
		var name string
		var through UID
		if err := rows.Scan(&box, &name, &through); err != nil {
			return err
		}
		fn(box, name, through)
	}
	return rows.Err()
}
