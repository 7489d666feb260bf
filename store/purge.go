package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"posthorn/internal/db"
)

// Purge takes away what nobody can see any more, in small steps that hold up no
// commit for long. It removes a file only when a removal row names it, and none
// whose key a message still has (S8); a removal row is deleted after its file
// (S1). Sessions whose view is older than purgeAfter find the content gone, older
// than purgeSoon while the disk is full.
const (
	purgeEvery = time.Minute
	purgeRest  = 30 * time.Minute // when there was nothing to do
	purgeAfter = time.Hour
	purgeSoon  = time.Minute // while the disk has less than fullDisk octets free
	fullDisk   = 64 << 20
	purgeStep  = 100 // rows, or files, of one step
	purgePause = 5 * time.Millisecond
)

// purger is rung when something has been removed that is large.
type purger struct {
	bell    bell
	working sync.Mutex // guards what follows

	// How far the deleted mailbox has been emptied that is being emptied.
	box     MailboxID
	through UID

	// The mailboxes that have got tombstones and may have too many.
	buried map[MailboxID]bool
}

func newPurger() *purger { return &purger{bell: newBell(), buried: make(map[MailboxID]bool)} }

func (p *purger) now() { p.bell.ring() }

// runPurge is purge's goroutine. What fails is tried again with the next turn.
func (s *Store) runPurge(ctx context.Context) {
	for {
		n, err := s.purgeAll(ctx, time.Now())
		s.troubles.outcome("purge", err)
		if !s.purgeWait(ctx, n > 0 || err != nil) {
			return
		}
	}
}

// purgeWait waits for the next turn, which comes soon if the last one had something
// to do, or the disk is full; false when ctx is done.
func (s *Store) purgeWait(ctx context.Context, busy bool) bool {
	t := time.NewTicker(purgeEvery)
	defer t.Stop()
	for end := time.Now().Add(purgeRest); ; {
		select {
		case <-ctx.Done():
			return false
		case <-s.purge.bell.c:
			return true
		case now := <-t.C:
			if busy || !now.Before(end) || s.crowded() {
				return true
			}
		}
	}
}

// A purgeStepper takes away up to purgeStep of one kind of thing that nobody can see
// any more at now, and tells how many there were: with fewer, none is left.
type purgeStepper func(ctx context.Context, now time.Time) (n int, err error)

// purgeAll does every step until nothing is left to do at now, and tells how much
// there was. A step that fails keeps no other from making room.
func (s *Store) purgeAll(ctx context.Context, now time.Time) (all int, err error) {
	s.purge.working.Lock()
	defer s.purge.working.Unlock()
	var errs []error
	for _, step := range []purgeStepper{
		s.emptyDeleted, s.forgetExpunged, s.scrubText, s.unlinkRemoved, s.forgetListed, s.dropMailboxes, s.dropAccounts, s.dropTombstones, s.dropEvents, s.dropNotices, s.dropRates,
	} {
		for more := true; more; {
			n, err := step(ctx, now)
			if all += n; err != nil {
				errs = append(errs, err)
				break
			}
			if more = n == purgeStep; more && !sleep(ctx, purgePause) {
				return all, ctx.Err()
			}
		}
	}
	return all, fail("purge", errors.Join(errs...))
}

// purgeDue is the time before which whatever was removed is purged at now. People who
// delete mail because the disk is full do not wait for an hour.
func (s *Store) purgeDue(now time.Time) int64 {
	if s.crowded() {
		return now.Add(-purgeSoon).Unix()
	}
	return now.Add(-purgeAfter).Unix()
}

// crowded tells whether the disk is full, or nearly.
func (s *Store) crowded() bool {
	free, err := s.blobs.Space()
	return errors.Is(err, ErrNoSpace) || err == nil && free < fullDisk
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
func (s *Store) forgetExpunged(ctx context.Context, now time.Time) (n int, err error) {
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
			s.purgeDue(now), purgeStep)
		return err
	})
	for from := 0; from < len(rows) && err == nil; {
		var uids []UID
		to := from
		for ; to < len(rows) && rows[to].box == rows[from].box; to++ {
			uids = append(uids, rows[to].UID)
		}
		slices.Sort(uids)
		s.purge.buried[rows[from].box] = true
		err = s.forgetDerived(ctx, rows[from].box, uids)
		from = to
	}
	if err != nil || len(rows) == 0 {
		return 0, err
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
	return len(rows), err
}

// removal is a row of removals; live: a message still has the key, and its file stays.
type removal struct {
	id   int64
	live bool
	File
}

// dueRemovals reads those whose time has come, but for content of which it is not
// known yet where its file goes.
func (s *Store) dueRemovals(ctx context.Context, now time.Time) (all []removal, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err = collect(tx, func(sc scanner) (r removal, err error) {
			err = sc.Scan(&r.id, &r.Dir, &r.Folder, &r.Key, &r.Size, &r.live)
			return r, err
		}, `SELECT id, dir, folder, key, size, EXISTS (
				SELECT 1 FROM messages g JOIN mailboxes m ON m.id = g.mailbox JOIN accounts a ON a.id = m.account
				WHERE g.key = removals.key AND g.expunged = 0 AND a.dir = removals.dir)
			FROM removals WHERE at <= ? ORDER BY at, id LIMIT ?`, s.purgeDue(now), purgeStep)
		return err
	})
	return slices.DeleteFunc(all, func(r removal) bool { return s.filing.enters(r.Key) }), err
}

// unlinkRemoved removes the files whose time has come.
func (s *Store) unlinkRemoved(ctx context.Context, now time.Time) (n int, err error) {
	all, err := s.dueRemovals(ctx, now)
	if err != nil || len(all) == 0 {
		return 0, err
	}
	s.filing.turn.Lock() // until the rows are gone by which content is filed
	defer s.filing.turn.Unlock()
	for _, r := range all {
		if !r.live {
			s.filing.unname(r.File)
			if err := s.blobs.Remove(ctx, r.File); err != nil {
				return 0, err
			}
		}
	}
	// Without this a power cut could bring a file back of which no row is left.
	if err := s.blobs.SyncRemoved(); err != nil {
		return 0, err
	}
	var nobodys []*unfiled
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		nobodys = nil
		for _, r := range all {
			if _, err := tx.Exec(`DELETE FROM removals WHERE id = ?`, r.id); err != nil {
				return err
			}
			u := s.filing.of(r.Key)
			if u == nil {
				continue
			}
			names, err := readNames(tx, u.key)
			if err == nil && len(names) == 0 {
				nobodys = append(nobodys, u)
				_, err = tx.Exec(`DELETE FROM unfiled WHERE id = ?`, u.id)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.filing.purged(nobodys)
	}
	return len(all), err
}

func (s *Store) dropEvents(ctx context.Context, now time.Time) (n int, err error) {
	err = s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		gone, err := forgetEvents(tx, now.Add(-s.eventsKept), purgeStep)
		n = int(gone)
		return err
	})
	return n, err
}
