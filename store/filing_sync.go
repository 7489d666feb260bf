package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"posthorn/internal/db"
)

// How files become durable, and rows go.

// What was written is synced when it is syncOctets, or syncPause old.
const syncOctets = 8 << 20

var syncPause = 5 * time.Second // less in tests

// runSyncs is the goroutine that syncs. The sync may wait for whatever others
// have written to the same file system.
func (s *Store) runSyncs(ctx context.Context) {
	f := s.filing
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.soon.c:
		}
		t := time.NewTimer(syncPause)
		select {
		case <-ctx.Done():
		case <-f.enough.c:
		case <-t.C:
		}
		t.Stop()
		if ctx.Err() != nil {
			return // the next start does it
		}
		s.troubles.outcome("syncing filed content", s.sync(ctx))
	}
}

// sync makes durable what is written, and deletes the rows. After a sync that
// failed nothing that was written is trusted; rows that could not be deleted wait
// for the next.
func (s *Store) sync(ctx context.Context) error {
	f := s.filing
	f.mu.Lock()
	all := f.written
	f.written, f.amount = nil, 0
	f.mu.Unlock()
	if err := s.blobs.SyncAll(); err != nil {
		f.distrust(all)
		return err
	}
	err := s.dropUnfiled(ctx, all)
	if err != nil {
		f.keepWritten(all)
	}
	return err
}

// distrust has content written anew after a sync that failed.
func (f *filing) distrust(all []*unfiled) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range all {
		if u.state != isGone {
			f.fail(u)
		}
	}
	f.bell.ring() // the writer looks when it is to try again
}

// keepWritten has the rows deleted with the next sync that are left.
func (f *filing) keepWritten(all []*unfiled) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range all {
		if u.state != isGone {
			f.written = append(f.written, u)
			f.amount += u.cost()
		}
	}
	f.soon.ring()
}

// dropStep is how many runs of rows go in one operation of a commit.
const dropStep = 64

// dropUnfiled deletes the rows of content that is durable in its files.
func (s *Store) dropUnfiled(ctx context.Context, all []*unfiled) error {
	for part := range slices.Chunk(runs(all), dropStep) {
		err := s.db.Commit(ctx, 0, func(tx *db.Tx) error {
			for _, r := range part {
				if _, err := tx.Exec(`DELETE FROM unfiled WHERE id BETWEEN ? AND ?`, r[0].id, r[len(r)-1].id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.filing.mu.Lock()
		for _, r := range part {
			for _, u := range r {
				s.filing.forget(u)
			}
		}
		s.filing.mu.Unlock()
	}
	return nil
}

// maxRun bounds the rows of one statement.
const maxRun = 64

// runs puts contents together whose ids follow each other without a gap.
func runs(all []*unfiled) (runs [][]*unfiled) {
	slices.SortFunc(all, func(a, b *unfiled) int { return cmp.Compare(a.id, b.id) })
	from := 0
	for i := 1; i <= len(all); i++ {
		if i == len(all) || all[i].id != all[i-1].id+1 || i-from == maxRun {
			if i > from {
				runs = append(runs, all[from:i])
			}
			from = i
		}
	}
	return runs
}

// errNotFiled says that a file is still to come.
var errNotFiled = errors.New("content is not filed yet")
