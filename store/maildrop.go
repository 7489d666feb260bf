package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"posthorn/internal/db"
	"posthorn/mail"
)

// A maildrop's lease outlives a dead owner by leaseTime at most; a live one
// renews it three times in that span.
const (
	leaseTime  = 3 * time.Minute
	leaseRenew = leaseTime / 3
)

// LockMaildrop takes the exclusive lease of RFC 1939 §4 on an account's
// maildrop, or fails with ErrLocked. The lease is renewed until release, which
// may be called more than once; owner is told in logs only, two sessions of
// the same owner exclude each other.
func (s *Store) LockMaildrop(ctx context.Context, a AccountID, owner string) (release func(), err error) {
	owner += " " + mail.NewID()
	err = s.db.Commit(ctx, int64(a), func(tx *db.Tx) error { return lease(tx, a, owner, time.Now(), &s.forsaken) })
	if errors.Is(err, db.ErrBroken) {
		s.forsaken.add(owner, time.Now()) // it may stand in the database after all
	}
	if err != nil {
		return nil, fail("lock maildrop", err)
	}
	renewing, end := context.WithCancel(context.WithoutCancel(ctx))
	var renewer sync.WaitGroup
	renewer.Go(func() { s.renewLease(renewing, a, owner) })
	return sync.OnceFunc(func() {
		end()
		renewer.Wait()
		err := s.db.Commit(context.WithoutCancel(ctx), int64(a), func(tx *db.Tx) error {
			_, err := tx.Exec(`DELETE FROM maildrop_leases WHERE account = ? AND owner = ?`, a, owner)
			return err
		})
		if err != nil {
			s.forsaken.add(owner, time.Now())
		}
	}), nil
}

// forsaken are owners that have gone while the store failed, so that their leases
// stand: nobody has to wait until they end by themselves.
type forsaken struct {
	mu   sync.Mutex
	gone map[string]time.Time // guarded by mu: when their leases end
}

func (f *forsaken) add(owner string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone == nil {
		f.gone = make(map[string]time.Time)
	}
	maps.DeleteFunc(f.gone, func(_ string, end time.Time) bool { return end.Before(now) })
	f.gone[owner] = now.Add(2 * leaseTime) // the clock may be set meanwhile
}

func (f *forsaken) has(owner string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.gone[owner]
	return ok
}

// lease takes the row when nobody has it, or when who had it let it run out or has
// gone.
func lease(tx *db.Tx, a AccountID, owner string, now time.Time, gone *forsaken) error {
	if _, err := readAccount(tx, a); err != nil {
		return err
	}
	var holder string
	var expires int64
	err := tx.Row(`SELECT owner, expires FROM maildrop_leases WHERE account = ?`, a).Scan(&holder, &expires)
	switch {
	case err == nil && expires > now.Unix() && !gone.has(holder):
		return fmt.Errorf("held by %s: %w", holder, ErrLocked)
	case err != nil && !errors.Is(err, db.ErrNoRows):
		return err
	}
	_, err = tx.Exec(`INSERT INTO maildrop_leases (account, owner, expires) VALUES (?, ?, ?)
		ON CONFLICT (account) DO UPDATE SET owner = excluded.owner, expires = excluded.expires`,
		a, owner, now.Add(leaseTime).Unix())
	return err
}

func (s *Store) renewLease(ctx context.Context, a AccountID, owner string) {
	t := time.NewTicker(leaseRenew)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			// A failure shows when the lease is asked for again; there are two
			// more tries before it runs out.
			err := s.db.Commit(ctx, int64(a), func(tx *db.Tx) error {
				_, err := tx.Exec(`UPDATE maildrop_leases SET expires = ? WHERE account = ? AND owner = ?`,
					now.Add(leaseTime).Unix(), a, owner)
				return err
			})
			s.troubles.outcome("maildrop leases", fail("renew lease", err))
		}
	}
}

// forgetLeases makes every lease of this process's past void: the sessions
// that held them are gone with it.
func forgetLeases(tx *db.Tx) error {
	_, err := tx.Exec(`DELETE FROM maildrop_leases`)
	return err
}
