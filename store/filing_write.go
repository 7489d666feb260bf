package store

import (
	"context"
	"errors"
	"time"

	"posthorn/internal/db"
)

// How content comes into files.

const (
	fileBlock = 64              // contents written in one turn
	fileRetry = 2 * time.Second // until what failed is tried again
)

// fileLastFor is how long the end of the store waits for what is due.
var fileLastFor = 2 * time.Second // less in tests

// spoolPause is how long a queue item's content is left in the database.
var spoolPause = 5 * time.Second // less in tests

// runFiling is the goroutine that writes; another syncs.
func (s *Store) runFiling(ctx context.Context) {
	f := s.filing
	for {
		var again <-chan time.Time
		if wait, any := f.wait(); any {
			again = time.After(wait)
		}
		select {
		case <-ctx.Done():
			s.fileLast(context.WithoutCancel(ctx))
			return
		case <-f.bell.c:
		case <-again:
			f.again()
		}
		s.troubles.outcome("filing content", errors.Join(s.wakeResting(ctx), s.fileAll(ctx)))
	}
}

// fileLast writes what it can before the store ends, for fileLastFor: a start
// after a crash may have found more. What is not synced is done again by the next
// start.
func (s *Store) fileLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, fileLastFor)
	defer cancel()
	s.filing.allDue()
	err := s.fileAll(ctx)
	if left := s.filing.left(); left > 0 {
		s.troubles.log.Warn("mail stays in the database until the next start files it", "messages", left, "error", err)
	}
}

// left is how much is due and has no file.
func (f *filing) left() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range f.all {
		if u.state == isDue {
			n++
		}
	}
	return n
}

// wait is how long until there is something to do that nothing rings for.
func (f *filing) wait() (d time.Duration, any bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.resting) > 0 && f.resting[0].state != isResting {
		f.resting = f.resting[1:]
	}
	var at time.Time
	if len(f.resting) > 0 {
		at = f.resting[0].since.Add(spoolPause)
	}
	if len(f.failed) > 0 && (at.IsZero() || at.After(f.retry)) {
		at = f.retry
	}
	return max(0, time.Until(at)), !at.IsZero()
}

// again makes due what has failed, when its time has come.
func (f *filing) again() {
	f.mu.Lock()
	wait := time.Now().Before(f.retry)
	f.mu.Unlock()
	if !wait {
		f.allDue()
	}
}

// allDue makes due what has failed.
func (f *filing) allDue() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.due = append(f.failed, f.due...)
	f.failed = nil
}

// wakeResting makes due what has rested long enough, or must make room.
func (s *Store) wakeResting(ctx context.Context) error {
	for {
		awake := s.filing.rested(time.Now())
		if len(awake) == 0 {
			return nil
		}
		there := make([]bool, len(awake))
		err := s.db.Commit(ctx, 0, func(tx *db.Tx) error {
			for i, u := range awake {
				n, err := tx.Exec(`UPDATE items SET unfiled = 0 WHERE id = ?`, u.item)
				if err != nil {
					return err
				}
				there[i] = n > 0
			}
			return nil
		})
		s.filing.wake(awake, there, err)
		if err != nil {
			return err
		}
	}
}

// rested takes a block of what has rested long enough.
func (f *filing) rested(now time.Time) (awake []*unfiled) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for n < len(f.resting) && len(awake) < fileBlock {
		u := f.resting[n]
		if u.state == isResting && now.Sub(u.since) < spoolPause && f.octets < unfiledLimit/2 {
			break
		}
		if u.state == isResting {
			awake = append(awake, u)
		}
		n++
	}
	f.resting = f.resting[n:]
	return awake
}

// wake has content written whose item is still there; after an error all rests
// for fileRetry.
func (f *filing) wake(awake []*unfiled, there []bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		for _, u := range awake {
			u.since = time.Now().Add(fileRetry - spoolPause)
		}
		f.resting = append(awake, f.resting...)
		return
	}
	for i, u := range awake {
		if u.state != isResting {
			continue
		}
		if !there[i] {
			f.forget(u)
			continue
		}
		u.item = 0
		f.queue(u)
	}
}

// fileAll writes everything that is due. What fails is put aside; a full disk
// ends the try.
func (s *Store) fileAll(ctx context.Context) error {
	var errs []error
	for ctx.Err() == nil {
		fresh, unsure := s.filing.take()
		if len(fresh)+len(unsure) == 0 {
			break
		}
		s.filing.turn.Lock()
		err := s.write(ctx, fresh)
		if !errors.Is(err, ErrNoSpace) {
			err = errors.Join(err, s.rewrite(ctx, unsure))
		}
		s.filing.turn.Unlock()
		s.filing.putAside(append(fresh, unsure...))
		if err != nil {
			errs = append(errs, err)
		}
		if errors.Is(err, ErrNoSpace) {
			break
		}
	}
	return errors.Join(errs...)
}

// take gives a block of what is due: that which is written for the first time,
// and that which may have a file.
func (f *filing) take() (fresh, unsure []*unfiled) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for ; n < len(f.due) && len(fresh) < fileBlock && len(unsure) < refileBlock; n++ {
		switch u := f.due[n]; {
		case u.state != isDue:
		case u.unsure || u.names == nil:
			unsure = append(unsure, u)
		default:
			fresh = append(fresh, u)
		}
	}
	if f.due = f.due[n:]; len(f.due) == 0 {
		f.due = nil
	}
	return fresh, unsure
}

// putAside keeps for later what is still due after a try.
func (f *filing) putAside(tried []*unfiled) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, u := range tried {
		if u.state == isDue {
			f.fail(u)
		}
	}
}

// write writes new content under the names of its commit. The caller holds turn.
func (s *Store) write(ctx context.Context, fresh []*unfiled) error {
	var errs []error
	for _, u := range fresh {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.filing.mu.Lock()
		names := u.names
		s.filing.mu.Unlock()
		err := s.writeOne(ctx, u, names)
		if errors.Is(err, ErrNoSpace) {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (s *Store) writeOne(ctx context.Context, u *unfiled, names []File) error {
	if len(names) > 0 {
		body, err := s.body(ctx, u)
		if errors.Is(err, db.ErrNoRows) {
			s.filing.mu.Lock()
			defer s.filing.mu.Unlock()
			s.filing.forget(u) // an item's that has ended
			return nil
		}
		if err == nil {
			err = s.blobs.Write(u.key, body, names)
		}
		if err != nil {
			return err
		}
	}
	s.filing.wrote(u)
	return nil
}

// wrote has content synced. Without a name it is nobody's any more, and only its
// row is left to go.
func (f *filing) wrote(u *unfiled) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if u.state != isDue {
		return
	}
	u.state, u.body, u.names = isWritten, nil, nil
	f.written = append(f.written, u)
	f.amount += u.cost()
	if len(f.written) == 1 {
		f.soon.ring()
	}
	if f.amount >= syncOctets {
		f.enough.ring()
	}
}
