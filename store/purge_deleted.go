package store

import (
	"context"
	"errors"
	"time"

	"posthorn/internal/db"
)

// emptied is the count of a deleted mailbox in which all messages are expunged.
const emptied = -1

// emptyDeleted expunges what is in deleted mailboxes, one after the other. A row
// stays for purgeAfter, and there may be a million: none is looked at twice.
func (s *Store) emptyDeleted(ctx context.Context, now time.Time) (n int, err error) {
	var box MailboxID
	var at Place
	err = s.db.View(ctx, func(tx *db.Tx) error {
		return tx.Row(`SELECT m.id, a.dir, m.folder FROM mailboxes m JOIN accounts a ON a.id = m.account
			WHERE m.name IS NULL AND m.messages > ? LIMIT 1`, emptied).Scan(&box, &at.Dir, &at.Folder)
	})
	if errors.Is(err, db.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if s.purge.box != box {
		s.purge.box, s.purge.through = box, 0
	}
	through := s.purge.through
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		through, err = emptyFrom(tx, box, at, through, now)
		return err
	})
	if err == nil {
		s.purge.through = through
	}
	return purgeStep, err // when this one is empty there may be another
}

// emptyFrom expunges the next messages of a deleted mailbox and gives the UID of
// the last one.
func emptyFrom(tx *db.Tx, box MailboxID, at Place, through UID, now time.Time) (UID, error) {
	type row struct {
		uid UID
		File
	}
	rows, err := collect(tx, func(sc scanner) (r row, err error) {
		r.Place = at
		err = sc.Scan(&r.uid, &r.Key, &r.Size)
		return r, err
	}, `SELECT uid, key, size FROM messages WHERE mailbox = ? AND uid > ? AND expunged = 0 ORDER BY uid LIMIT ?`, box, through, purgeStep)
	for i := 0; i < len(rows) && err == nil; i++ {
		if err = removeFile(tx, rows[i].File, now); err == nil {
			_, err = tx.Exec(`UPDATE messages SET expunged = ? WHERE mailbox = ? AND uid = ?`, now.Unix(), box, rows[i].uid)
		}
		through = rows[i].uid
	}
	if err == nil && len(rows) < purgeStep {
		_, err = tx.Exec(`UPDATE mailboxes SET messages = ? WHERE id = ? AND name IS NULL`, emptied, box)
	}
	return through, err
}

// dropMailboxes ends deleted mailboxes that are empty.
func (s *Store) dropMailboxes(ctx context.Context, _ time.Time) (n int, err error) {
	type empty struct {
		id MailboxID
		Place
	}
	var all []empty
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, func(sc scanner) (e empty, err error) {
			err = sc.Scan(&e.id, &e.Dir, &e.Folder)
			return e, err
		}, `SELECT m.id, a.dir, m.folder FROM mailboxes m JOIN accounts a ON a.id = m.account
			WHERE m.name IS NULL AND NOT EXISTS (SELECT 1 FROM messages WHERE mailbox = m.id)
				AND NOT EXISTS (SELECT 1 FROM removals r WHERE r.dir = a.dir AND r.folder = m.folder) LIMIT ?`, purgeStep)
		return err
	})
	for _, e := range all {
		if e.Folder != "" {
			// A folder that still holds a file nobody knows stays for Check.
			_ = s.blobs.RemoveFolder(e.Place)
		}
		err = errors.Join(err, s.dropDerived(ctx, e.id), s.db.Commit(ctx, 0, func(tx *db.Tx) error {
			_, err := tx.Exec(`DELETE FROM mailboxes WHERE id = ? AND name IS NULL`, e.id)
			return err
		}))
	}
	return len(all), err
}

// dropAccounts ends removed accounts that have no mailbox left.
func (s *Store) dropAccounts(ctx context.Context, _ time.Time) (n int, err error) {
	type removed struct {
		id  AccountID
		dir string
	}
	var all []removed
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, func(sc scanner) (r removed, err error) {
			err = sc.Scan(&r.id, &r.dir)
			return r, err
		}, `SELECT id, dir FROM accounts WHERE login IS NULL AND NOT EXISTS (SELECT 1 FROM mailboxes WHERE account = accounts.id)
			AND NOT EXISTS (SELECT 1 FROM removals WHERE dir = accounts.dir) LIMIT ?`, purgeStep)
		return err
	})
	for _, r := range all {
		// A folder that still holds a file nobody knows stays for Check.
		_ = s.blobs.RemoveFolder(Place{Dir: r.dir})
		err = errors.Join(err, s.db.Commit(ctx, int64(r.id), func(tx *db.Tx) error {
			_, err := tx.Exec(`DELETE FROM accounts WHERE id = ? AND login IS NULL`, r.id)
			return err
		}))
	}
	return len(all), err
}
