package store

import (
	"context"
	"time"

	"posthorn/internal/db"
)

const tombstonesKept = 90 * 24 * time.Hour

// tombstonesLimit is how many ranges a mailbox may have.
var tombstonesLimit = 100_000 // less in tests

// bury adds one UID to the tombstones: to the range that ends below it, or as a
// range of its own. A longer range is as new as its newest expunge, so a client
// may be told of an expunge twice, which is harmless, and misses none.
func bury(tx *db.Tx, box MailboxID, r Row, now time.Time) error {
	n, err := tx.Exec(`UPDATE tombstones SET last = ?1, at = ?2, modseq = CASE WHEN modseq < ?3 THEN ?3 ELSE modseq END
		WHERE mailbox = ?4 AND first = (SELECT max(first) FROM tombstones WHERE mailbox = ?4 AND first < ?1) AND last = ?1 - 1`, r.UID, now.Unix(), r.ModSeq, box)
	if err != nil || n > 0 {
		return err
	}
	_, err = tx.Exec(`INSERT INTO tombstones (mailbox, first, last, modseq, at) VALUES (?, ?, ?, ?, ?)`, box, r.UID, r.UID, r.ModSeq, now.Unix())
	return err
}

// dropTombstones forgets expunges that are too old or too many; the mailbox's
// floor tells from when on its changes are complete. Too many can only be where
// some have come.
func (s *Store) dropTombstones(ctx context.Context, now time.Time) (n int, err error) {
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		all, err := collect(tx, scanTombstone, `SELECT mailbox, first, modseq FROM tombstones WHERE at <= ? LIMIT ?`,
			now.Add(-tombstonesKept).Unix(), purgeStep)
		n = len(all)
		if err != nil {
			return err
		}
		return forgetTombstones(tx, all)
	})
	for box := range s.purge.buried {
		if err != nil || n == purgeStep {
			break
		}
		var surplus int
		if surplus, err = s.dropSurplus(ctx, box); err == nil && surplus < purgeStep {
			delete(s.purge.buried, box)
		}
		n = max(n, surplus)
	}
	return n, err
}

// dropSurplus is a step for a mailbox that may have too many.
func (s *Store) dropSurplus(ctx context.Context, box MailboxID) (n int, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT count(*) FROM tombstones WHERE mailbox = ?`, box).Scan(&n)
	})
	if n = min(n-tombstonesLimit, purgeStep); err != nil || n <= 0 {
		return 0, err
	}
	return n, s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		all, err := collect(tx, scanTombstone, `SELECT mailbox, first, modseq FROM tombstones WHERE mailbox = ? ORDER BY modseq LIMIT ?`, box, n)
		if err != nil {
			return err
		}
		return forgetTombstones(tx, all)
	})
}

type tombstone struct {
	box    MailboxID
	first  UID
	modseq ModSeq
}

func scanTombstone(row scanner) (t tombstone, err error) {
	err = row.Scan(&t.box, &t.first, &t.modseq)
	return t, err
}

func forgetTombstones(tx *db.Tx, all []tombstone) error {
	for _, t := range all {
		if _, err := tx.Exec(`DELETE FROM tombstones WHERE mailbox = ? AND first = ?`, t.box, t.first); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE mailboxes SET floor = ?1 WHERE id = ?2 AND floor < ?1`, t.modseq, t.box); err != nil {
			return err
		}
	}
	return nil
}
