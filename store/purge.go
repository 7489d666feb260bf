package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"posthorn/internal/db"
)

// Purge takes away what nobody can see any more, in small steps that hold up no
// commit for long. It removes a file only when a removal row names it, and none
// whose key a message still has (S8); a removal row is deleted after its file
// (S1). Sessions whose view is older than purgeAfter find the content gone.
const (
	purgeEvery      = time.Minute
	purgeAfter      = time.Hour
	purgeStep       = 100 // rows, or files, of one step
	purgePause      = 5 * time.Millisecond
	tombstonesKept  = 90 * 24 * time.Hour
	tombstonesLimit = 100_000 // ranges of one mailbox
)

// purger is rung when something has been removed that is large.
type purger struct{ bell bell }

func newPurger() *purger { return &purger{newBell()} }

func (p *purger) now() { p.bell.ring() }

// runPurge is purge's goroutine. What fails is tried again with the next turn.
func (s *Store) runPurge(ctx context.Context) {
	t := time.NewTicker(purgeEvery)
	defer t.Stop()
	for {
		s.troubles.outcome("purge", s.purgeAll(ctx, time.Now()))
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-s.purge.bell.c:
		}
	}
}

// purgeAll does every step until nothing is left to do at now. A step that fails
// keeps no other from making room.
func (s *Store) purgeAll(ctx context.Context, now time.Time) error {
	var errs []error
	for _, step := range []func(context.Context, time.Time) (more bool, err error){
		s.emptyDeleted, s.forgetExpunged, s.scrubText, s.unlinkRemoved, s.dropMailboxes, s.dropAccounts, s.dropTombstones, s.dropEvents, s.dropNotices, s.dropRates,
	} {
		for more := true; more; {
			var err error
			if more, err = step(ctx, now); err != nil {
				errs = append(errs, err)
				break
			}
			if more && !sleep(ctx, purgePause) {
				return ctx.Err()
			}
		}
	}
	return fail("purge", errors.Join(errs...))
}

// emptyDeleted expunges what is in deleted mailboxes.
func (s *Store) emptyDeleted(ctx context.Context, now time.Time) (more bool, err error) {
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		type row struct {
			box MailboxID
			uid UID
			File
		}
		rows, err := collect(tx, func(sc scanner) (r row, err error) {
			err = sc.Scan(&r.box, &r.uid, &r.Key, &r.Size, &r.Dir, &r.Folder)
			return r, err
		}, `SELECT g.mailbox, g.uid, g.key, g.size, a.dir, m.folder
			FROM mailboxes m JOIN accounts a ON a.id = m.account JOIN messages g ON g.mailbox = m.id
			WHERE m.name IS NULL AND g.expunged = 0 LIMIT ?`, purgeStep)
		for i := 0; i < len(rows) && err == nil; i++ {
			if err = removeFile(tx, rows[i].File, now); err == nil {
				_, err = tx.Exec(`UPDATE messages SET expunged = ? WHERE mailbox = ? AND uid = ?`, now.Unix(), rows[i].box, rows[i].uid)
			}
		}
		more = len(rows) == purgeStep
		return err
	})
	return more, err
}

// removeFile enters the removal row of a file (S8); it is unlinked purgeAfter
// later.
func removeFile(tx *db.Tx, f File, now time.Time) error {
	_, err := tx.Exec(`INSERT INTO removals (dir, folder, key, size, at) VALUES (?, ?, ?, ?, ?)`, f.Dir, f.Folder, f.Key, f.Size, now.Unix())
	return err
}

// removeSpooled is removeFile for the spool, where no view can show the file.
func removeSpooled(tx *db.Tx, k Key, size int64, now time.Time) error {
	return removeFile(tx, File{Key: k, Size: size}, now.Add(-purgeAfter))
}

// forgetExpunged turns old expunged rows into tombstones. What was made from
// their content goes first: until then the rows name it.
func (s *Store) forgetExpunged(ctx context.Context, now time.Time) (more bool, err error) {
	type row struct {
		box MailboxID
		Row
	}
	var rows []row
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		rows, err = collect(tx, func(sc scanner) (r row, err error) {
			err = sc.Scan(&r.box, &r.UID, &r.ModSeq)
			return r, err
		}, `SELECT mailbox, uid, modseq FROM messages WHERE expunged <> 0 AND expunged <= ? ORDER BY expunged, mailbox, uid LIMIT ?`,
			now.Add(-purgeAfter).Unix(), purgeStep)
		return err
	})
	for from := 0; from < len(rows) && err == nil; {
		var uids []UID
		to := from
		for ; to < len(rows) && rows[to].box == rows[from].box; to++ {
			uids = append(uids, rows[to].UID)
		}
		slices.Sort(uids)
		err = s.forgetDerived(ctx, rows[from].box, uids)
		from = to
	}
	if err != nil || len(rows) == 0 {
		return false, err
	}
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		for _, r := range rows {
			if err := bury(tx, r.box, r.Row, now); err != nil {
				return err
			}
			if _, err := tx.Exec(`DELETE FROM messages WHERE mailbox = ? AND uid = ?`, r.box, r.UID); err != nil {
				return err
			}
		}
		return nil
	})
	return len(rows) == purgeStep, err
}

// bury adds one UID to the tombstones: to the range that ends below it, or as a
// range of its own. A longer range is as new as its newest expunge, so a client
// may be told of an expunge twice, which is harmless, and misses none.
func bury(tx *db.Tx, box MailboxID, r Row, now time.Time) error {
	n, err := tx.Exec(`UPDATE tombstones SET last = ?1, at = ?2, modseq = CASE WHEN modseq < ?3 THEN ?3 ELSE modseq END
		WHERE mailbox = ?4 AND last = ?1 - 1`, r.UID, now.Unix(), r.ModSeq, box)
	if err != nil || n > 0 {
		return err
	}
	_, err = tx.Exec(`INSERT INTO tombstones (mailbox, first, last, modseq, at) VALUES (?, ?, ?, ?, ?)`, box, r.UID, r.UID, r.ModSeq, now.Unix())
	return err
}

// unlinkRemoved removes the files whose time has come.
func (s *Store) unlinkRemoved(ctx context.Context, now time.Time) (more bool, err error) {
	type removal struct {
		id   int64
		live bool
		File
	}
	var all []removal
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, func(sc scanner) (r removal, err error) {
			err = sc.Scan(&r.id, &r.Dir, &r.Folder, &r.Key, &r.Size, &r.live)
			return r, err
		}, `SELECT id, dir, folder, key, size, EXISTS (
				SELECT 1 FROM messages g JOIN mailboxes m ON m.id = g.mailbox JOIN accounts a ON a.id = m.account
				WHERE g.key = removals.key AND g.expunged = 0 AND a.dir = removals.dir)
			FROM removals WHERE at <= ? ORDER BY at, id LIMIT ?`, now.Add(-purgeAfter).Unix(), purgeStep)
		return err
	})
	if err != nil || len(all) == 0 {
		return false, err
	}
	for _, r := range all {
		if !r.live {
			if err := s.blobs.Remove(r.File); err != nil {
				return false, err
			}
		}
	}
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		for _, r := range all {
			if _, err := tx.Exec(`DELETE FROM removals WHERE id = ?`, r.id); err != nil {
				return err
			}
		}
		return nil
	})
	return len(all) == purgeStep, err
}

// dropMailboxes ends deleted mailboxes that are empty.
func (s *Store) dropMailboxes(ctx context.Context, _ time.Time) (more bool, err error) {
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
	return len(all) == purgeStep, err
}

// dropAccounts ends removed accounts that have no mailbox left.
func (s *Store) dropAccounts(ctx context.Context, _ time.Time) (more bool, err error) {
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
	return len(all) == purgeStep, err
}

// dropTombstones forgets expunges that are too old or too many; the mailbox's
// floor tells from when on its changes are complete.
func (s *Store) dropTombstones(ctx context.Context, now time.Time) (more bool, err error) {
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		type tombstone struct {
			box    MailboxID
			first  UID
			modseq ModSeq
		}
		scan := func(sc scanner) (t tombstone, err error) {
			err = sc.Scan(&t.box, &t.first, &t.modseq)
			return t, err
		}
		all, err := collect(tx, scan, `SELECT mailbox, first, modseq FROM tombstones WHERE at <= ? LIMIT ?`,
			now.Add(-tombstonesKept).Unix(), purgeStep)
		if err == nil && len(all) == 0 {
			all, err = collect(tx, scan, `SELECT mailbox, first, modseq FROM tombstones WHERE mailbox IN (
				SELECT mailbox FROM tombstones GROUP BY mailbox HAVING count(*) > ? LIMIT 1) ORDER BY modseq LIMIT ?`,
				tombstonesLimit, purgeStep)
		}
		for i := 0; i < len(all) && err == nil; i++ {
			t := all[i]
			if _, err = tx.Exec(`DELETE FROM tombstones WHERE mailbox = ? AND first = ?`, t.box, t.first); err == nil {
				_, err = tx.Exec(`UPDATE mailboxes SET floor = ?1 WHERE id = ?2 AND floor < ?1`, t.modseq, t.box)
			}
		}
		more = len(all) == purgeStep
		return err
	})
	return more, err
}

func (s *Store) dropEvents(ctx context.Context, now time.Time) (more bool, err error) {
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		n, err := forgetEvents(tx, now.Add(-s.eventsKept), purgeStep)
		more = n == purgeStep
		return err
	})
	return more, err
}
