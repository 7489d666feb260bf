package store

import (
	"context"
	"fmt"
	"sync"

	"posthorn/internal/db"
)

// openMaildrops are those that a session has. They are in memory, as sessions are:
// the data folder belongs to one process (docs/adr/0010).
type openMaildrops struct {
	mu     sync.Mutex
	owners map[AccountID]string // guarded by mu
}

// LockMaildrop takes the exclusive lock of RFC 1939 §4 on an account's maildrop,
// or fails with ErrLocked. It is held until release, which may be called more than
// once; owner is told in errors only, two sessions of the same owner exclude each
// other. Nothing is written: a full disk locks nobody out.
func (s *Store) LockMaildrop(ctx context.Context, a AccountID, owner string) (release func(), err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		_, err := readAccount(tx, a)
		return err
	})
	if err == nil {
		err = s.maildrops.take(a, owner)
	}
	if err != nil {
		return nil, fail("lock maildrop", err)
	}
	return sync.OnceFunc(func() { s.maildrops.free(a) }), nil
}

func (o *openMaildrops) take(a AccountID, owner string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if holder, taken := o.owners[a]; taken {
		return fmt.Errorf("held by %s: %w", holder, ErrLocked)
	}
	if o.owners == nil {
		o.owners = make(map[AccountID]string)
	}
	o.owners[a] = owner
	return nil
}

func (o *openMaildrops) free(a AccountID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.owners, a)
}
