package store

import (
	"errors"
	"fmt"

	"posthorn/internal/db"
)

// durable is the durability scheme, and the one place that knows it: it makes
// the content of a batch durable before the batch's rows are written. Here, each
// file and each folder by its own fsync.
//
// A full disk fails only those it hit, and they may try again. After any other
// failed sync nobody knows what the disk holds (the kernel drops the pages it
// could not write, and says so once), so the whole batch fails and nothing is
// written until the store has been reopened.
func (s *Store) durable(batch []db.Pending) []error {
	all := make([]Unsynced, len(batch))
	for i, p := range batch {
		all[i] = p.(*prepared).unsynced
	}
	errs := s.blobs.Sync(all)
	for i, err := range errs {
		if err != nil && !errors.Is(err, ErrNoSpace) {
			errs[i] = fmt.Errorf("%w: %w", db.ErrBroken, err)
		}
	}
	return errs
}
