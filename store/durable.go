package store

import (
	"errors"
	"fmt"

	"posthorn/internal/db"
)

// durable is the durability scheme, and the one place that knows it: it makes
// the content of a batch durable before the batch's COMMIT. Here, each file and
// each folder by its own fsync.
//
// A full disk fails the batch, which may try again. After any other failed sync
// nobody knows what the disk holds (the kernel drops the pages it could not
// write, and says so once), so nothing is written until the store has been
// reopened.
func (s *Store) durable(batch []db.Pending) (first error) {
	all := make([]Unsynced, len(batch))
	for i, p := range batch {
		all[i] = p.(*prepared).unsynced
	}
	for _, err := range s.blobs.Sync(all) {
		if err != nil && !errors.Is(err, ErrNoSpace) {
			return fmt.Errorf("%w: %w", db.ErrBroken, err)
		}
		if first == nil {
			first = err
		}
	}
	return first
}
