package store

import (
	"context"
	"errors"
	"time"

	"posthorn/internal/db"
)

// That a message is expunged is mirrored in lists of keys, not in the names of
// files: these are on their way out, and a maildrop of thousands is emptied at
// once. So Reindex does not bring back what purge has not come to.

// maxExpunged bounds the list that is not written yet.
const maxExpunged = 1 << 13

// listExpunged enters a file, its account and its key, into the list that is
// written before any mark moves past its message.
func (s *Store) listExpunged(dir string, k Key) error {
	if len(s.mirror.expunged) >= maxExpunged {
		if err := s.writeExpunged(); err != nil {
			return err
		}
	}
	s.mirror.expunged = append(s.mirror.expunged, File{Place: Place{Dir: dir}, Key: k})
	return nil
}

// writeExpunged writes the list. One that cannot be written is kept.
func (s *Store) writeExpunged() error {
	if len(s.mirror.expunged) == 0 {
		return nil
	}
	err := s.blobs.NoteExpunged(s.mirror.expunged)
	if err == nil {
		s.mirror.expunged = nil
	}
	return err
}

// forgetListed is the step of purge that removes lists: those written before the
// oldest removal that is left, as all that stands in them is gone.
func (s *Store) forgetListed(ctx context.Context, now time.Time) (n int, err error) {
	oldest := now
	err = s.db.View(ctx, func(tx *db.Tx) error {
		var at int64
		err := tx.Row(`SELECT at FROM removals WHERE at <= ? ORDER BY at, id LIMIT 1`, now.Unix()).Scan(&at)
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		oldest = time.Unix(at, 0)
		return err
	})
	if err != nil {
		return 0, err
	}
	return 0, s.blobs.ForgetExpunged(ctx, oldest)
}
