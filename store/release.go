package store

import (
	"context"
	"time"

	"posthorn/internal/db"
)

// How claims end without an outcome.

const releaseClaims = `UPDATE deliveries SET claimed_by = '', claimed_until = 0, ready = due
	WHERE id IN (SELECT id FROM deliveries WHERE claimed_by <> '' AND claimed_by = ? LIMIT ?)`

// ReleaseClaims makes claims of this process void, some at a time; more tells that
// there are others. The scheduler calls it when it starts.
func (s *Store) ReleaseClaims(ctx context.Context) (more bool, err error) {
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		n, err := tx.Exec(releaseClaims, claimant, freeStep)
		more = n == freeStep
		return err
	})
	return more, fail("release claims", err)
}

// Postpone gives claimed deliveries back untried, to be due at a time. Those that
// have ended meanwhile are passed over.
func (s *Store) Postpone(ctx context.Context, ids []DeliveryID, due time.Time) error {
	_, err := s.changeWaiting(ctx, "postpone", ids, func(tx *db.Tx, id DeliveryID) (int64, error) {
		return tx.Exec(`UPDATE deliveries SET claimed_by = '', claimed_until = 0, due = ?1, ready = ?1
			WHERE id = ?2 AND state = 'waiting' AND claimed_by = ?3`, due.UnixNano(), id, claimant)
	})
	return err
}

// Unclaim gives claimed deliveries back untried. They were due when they were
// claimed, whatever the clock shows now.
func (s *Store) Unclaim(ctx context.Context, ids []DeliveryID) error {
	_, err := s.changeWaiting(ctx, "give claims back", ids, func(tx *db.Tx, id DeliveryID) (int64, error) {
		return tx.Exec(`UPDATE deliveries SET claimed_by = '', claimed_until = 0, ready = min(due, ?)
			WHERE id = ? AND state = 'waiting' AND claimed_by = ?`, time.Now().UnixNano(), id, claimant)
	})
	return err
}
