package store

import (
	"context"
	"fmt"
	"time"

	"posthorn/internal/db"
	"posthorn/mail"
)

// maxTaken bounds how many recipients of backup domains are remembered: a
// primary that takes every address must not fill the disk.
const maxTaken = 100_000

// Taken is when the primary host of a backup domain last said that it takes mail
// for p. ErrNotFound: it did not since after.
func (s *Store) Taken(ctx context.Context, p mail.Path, after time.Time) (time.Time, error) {
	var at int64
	err := s.db.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT at FROM backup_recipients WHERE address = ? AND at >= ?`, p.Key().String(), after.Unix()).Scan(&at)
	})
	return time.Unix(at, 0), fail(fmt.Sprintf("look up %s", p), err)
}

// SetTaken remembers that a primary host takes mail for p, and forgets what was
// said before after.
func (s *Store) SetTaken(ctx context.Context, p mail.Path, at, after time.Time) error {
	err := s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		_, err := tx.Exec(`INSERT INTO backup_recipients (address, at) VALUES (?1, ?2) ON CONFLICT (address) DO UPDATE SET at = ?2`,
			p.Key().String(), at.Unix())
		if err != nil {
			return err
		}
		if _, err = tx.Exec(`DELETE FROM backup_recipients WHERE at < ?`, after.Unix()); err != nil {
			return err
		}
		_, err = tx.Exec(`DELETE FROM backup_recipients WHERE address IN (SELECT address FROM backup_recipients ORDER BY at
			LIMIT max(0, (SELECT count(*) FROM backup_recipients) - ?))`, maxTaken)
		return err
	})
	return fail(fmt.Sprintf("remember %s", p), err)
}

// NotTaken forgets that a primary host took mail for p.
func (s *Store) NotTaken(ctx context.Context, p mail.Path) error {
	err := s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		_, err := tx.Exec(`DELETE FROM backup_recipients WHERE address = ?`, p.Key().String())
		return err
	})
	return fail(fmt.Sprintf("forget %s", p), err)
}
