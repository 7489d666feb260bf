package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"posthorn/auth"
	"posthorn/interop/peer"
	"posthorn/store"
	"posthorn/store/maildir"
)

// offline stops a Posthorn, works on its store, and starts it again.
func offline(s *peer.Server, work func(context.Context, *store.Store) error) error {
	s.Stop()
	dir := filepath.Join(s.Dir, "data")
	ctx := context.Background()
	st, err := store.Open(ctx, dir, maildir.New(dir), store.Options{})
	if err != nil {
		return err
	}
	err = work(ctx, st)
	return errOr(errOr(err, st.Close()), s.Restart())
}

// inCrowd is the k-th of the accounts that crowd makes, from 1.
func inCrowd(k int) string { return fmt.Sprintf("crowd%d@%s", k, domain) }

// crowd gives a Posthorn n more accounts, all with the password of the others:
// it is hashed once, for what is wanted are the accounts.
func crowd(s *peer.Server, n int) error {
	hash, err := auth.Hash(s.Password)
	if err != nil {
		return err
	}
	began := time.Now()
	err = offline(s, func(ctx context.Context, st *store.Store) error {
		var next atomic.Int64
		return parallel(256, func(int) error { // so many share a commit
			for k := int(next.Add(1)); k <= n; k = int(next.Add(1)) {
				if _, err := st.AddAccount(ctx, inCrowd(k), hash, store.Quota{}); err != nil && !errors.Is(err, store.ErrExists) {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("make %d accounts: %w", n, err)
	}
	made := time.Since(began)
	rested, err := rest(s)
	if err != nil {
		return err
	}
	fmt.Printf("%d accounts made in %.1f s, at rest %.1f s later\n", n, made.Seconds(), rested.Seconds())
	return os.WriteFile(filepath.Join(s.Dir, crowdMark), nil, 0o600)
}

// crowdMark is a file beside the data of a server whose crowd is complete.
const crowdMark = "crowd"
