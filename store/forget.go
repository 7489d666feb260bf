package store

import (
	"context"

	"posthorn/internal/db"
)

// What was made from content goes with it: before the row of a purged message is
// taken away, so that a crash between leaves a row that names it.

// forgetDerived takes away what is known of messages of a mailbox (by UID). It
// waits for the unit the deriver is at, whose rows may be older than the expunge.
func (s *Store) forgetDerived(ctx context.Context, box MailboxID, uids []UID) error {
	s.deriver.working.Lock()
	defer s.deriver.working.Unlock()
	err := s.derived.Commit(ctx, 0, func(tx *db.Tx) error {
		for _, dv := range derivations {
			if err := dv.forget(tx, box, uids); err != nil {
				return err
			}
		}
		return forgetPacked(tx, box, uids)
	})
	s.singles.empty()
	s.derivedOutcome("forget what was expunged", err)
	return err
}

// dropDerived takes away what is known of a mailbox that is gone.
func (s *Store) dropDerived(ctx context.Context, box MailboxID) error {
	s.deriver.working.Lock()
	defer s.deriver.working.Unlock()
	err := s.derived.Commit(ctx, 0, func(tx *db.Tx) error { return dropDerivedRows(tx, box) })
	s.singles.empty()
	s.derivedOutcome("forget a mailbox", err)
	return err
}

func dropDerivedRows(tx *db.Tx, box MailboxID) error {
	for _, dv := range derivations {
		if err := dv.drop(tx, box); err != nil {
			return err
		}
	}
	return dropPacked(tx, box)
}
