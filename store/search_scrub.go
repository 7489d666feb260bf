package store

import (
	"context"
	"errors"
	"time"

	"posthorn/internal/db"
	"posthorn/internal/lexicon"
)

// forgetText notes that messages are purged. A segment is written anew without
// them at the end of the purge (scrubText), once for all that it held.
func forgetText(tx *db.Tx, box MailboxID, uids []UID) error {
	for _, u := range uids {
		if _, err := tx.Exec(`INSERT INTO text_gone (mailbox, uid) VALUES (?, ?) ON CONFLICT DO NOTHING`, box, u); err != nil {
			return err
		}
	}
	return nil
}

// dropTextOf takes away what is known of a mailbox.
func dropTextOf(tx *db.Tx, box MailboxID) error {
	all, err := textSegments(tx, box)
	for i := 0; i < len(all) && err == nil; i++ {
		err = dropSegment(tx, all[i].id)
	}
	if err == nil {
		_, err = tx.Exec(`DELETE FROM text_gone WHERE mailbox = ?`, box)
	}
	return err
}

// dropText has the index of a mailbox made anew.
func (s *Store) dropText(ctx context.Context, box MailboxID) error {
	s.deriver.working.Lock()
	defer s.deriver.working.Unlock()
	err := s.derived.Commit(ctx, 0, func(tx *db.Tx) error {
		if err := dropTextOf(tx, box); err != nil {
			return err
		}
		return setMark(tx, box, textStep, 0)
	})
	behind := s.db.View(ctx, func(tx *db.Tx) error {
		var account AccountID
		err := tx.Row(`SELECT account FROM mailboxes WHERE id = ?`, box).Scan(&account)
		if err == nil {
			s.deriver.account(account)
		}
		if errors.Is(err, db.ErrNoRows) { // it has gone meanwhile
			return nil
		}
		return err
	})
	return errors.Join(err, behind)
}

// scrubText is a step of purge: it writes one segment anew without the messages
// that were purged.
func (s *Store) scrubText(ctx context.Context, _ time.Time) (n int, err error) {
	s.deriver.working.Lock()
	var box MailboxID
	err = s.derived.Commit(ctx, 0, func(tx *db.Tx) error {
		n = 0
		err := tx.Row(`SELECT mailbox FROM text_gone LIMIT 1`).Scan(&box)
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		n = purgeStep // there may be another
		return scrubBox(tx, box)
	})
	s.deriver.working.Unlock()
	if n > 0 {
		s.texts.empty()
	}
	if errors.Is(err, lexicon.ErrDamaged) {
		err = s.dropText(ctx, box)
	}
	return n, err
}

// scrubBox writes the first segment of a mailbox anew that has purged messages;
// when none has, there is nothing left to be done.
func scrubBox(tx *db.Tx, box MailboxID) error {
	uids, err := collect(tx, func(row scanner) (u UID, err error) {
		err = row.Scan(&u)
		return u, err
	}, `SELECT uid FROM text_gone WHERE mailbox = ?`, box)
	if err != nil {
		return err
	}
	gone := make(map[UID]bool, len(uids))
	for _, u := range uids {
		gone[u] = true
	}
	all, err := textSegments(tx, box)
	if err != nil {
		return err
	}
	for _, s := range all {
		head, err := readChunks(tx, s.id, textHead, 0, -1)
		if err != nil {
			return err
		}
		seg, err := lexicon.Open(head)
		if err != nil {
			return err
		}
		for _, id := range seg.Documents() {
			if gone[UID(id)] {
				return mergeSegments(tx, box, []textSegment{s}, func(u UID) bool { return !gone[u] })
			}
		}
	}
	_, err = tx.Exec(`DELETE FROM text_gone WHERE mailbox = ?`, box)
	return err
}
