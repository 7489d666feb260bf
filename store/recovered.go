package store

import (
	"context"
	"errors"
	"time"

	"posthorn/internal/db"
)

// recoveredMailbox is where files that no row knows are filed.
const recoveredMailbox = "Recovered"

// adopt makes a file that no row knows a message of the account's mailbox
// Recovered. The file is there before the row is (S1).
func (s *Store) adopt(ctx context.Context, a Account, f Found) error {
	_, err := s.CreateMailbox(ctx, a.ID, recoveredMailbox, "")
	if err == nil {
		err = s.Subscribe(ctx, a.ID, recoveredMailbox, true)
	} else if errors.Is(err, ErrExists) {
		err = nil
	}
	if err != nil {
		return err
	}
	m, err := s.Mailbox(ctx, a.ID, recoveredMailbox)
	if err != nil {
		return err
	}
	open, err := s.isUnended(ctx, f)
	if err != nil {
		return err
	}
	to := Place{a.Dir, *m.folder.Load()}
	if err := s.blobs.Rename(ctx, f.File, to, f.Info); err != nil {
		return err
	}
	now := time.Now()
	err = s.db.Commit(ctx, int64(a.ID), func(tx *db.Tx) error {
		modseq, email, err := chargeAccount(tx, a.ID, Quota{f.Real, 1}, true)
		if err != nil {
			return err
		}
		_, flags, err := ParseFileInfo(f.Info)
		if err != nil {
			flags = 0
		}
		msg := []Message{{Row: Row{Flags: flags & systemFlags}, Key: f.Key, Size: f.Real, Internal: f.Time, Saved: now,
			Email: email, Thread: ThreadID(email), Unended: open}}
		_, err = enter(tx, m.id, msg, modseq)
		return err
	})
	if err == nil {
		s.changed(a.ID)
	}
	return err
}

// isUnended tells whether the last line of a file has no CRLF.
func (s *Store) isUnended(ctx context.Context, f Found) (bool, error) {
	r, err := s.blobs.Open(ctx, File{f.Place, f.Key, f.Real, f.Info})
	if err != nil {
		return false, err
	}
	defer r.Close()
	return unended(r)
}
