package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"posthorn/internal/db"
)

// Reindex rebuilds a lost database from the folders and notes below dir:
// domains, keys, aliases, accounts with their passwords and app passwords,
// mailboxes with their UIDVALIDITY, UIDs, flags and keywords. ErrExists while
// there is a database, or its log: who wants to give it up moves it away. What
// waited in the queue cannot be rebuilt; its content stays in the spool and Check
// names it. Files without a UID in their name get new ones above all that were ever
// given.
//
// The database is built beside its place and put there when it is complete, so
// that a Reindex that was interrupted is simply begun again.
func Reindex(ctx context.Context, dir string, blobs Blobs, progress func(done, total int64)) (err error) {
	l, err := lock(dir)
	if err != nil {
		return fmt.Errorf("reindex: %w", err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	path := filepath.Join(dir, databaseName)
	// A log that meets another database damages it.
	for _, kept := range []string{path, path + "-wal"} {
		if _, err := os.Lstat(kept); err == nil {
			return fmt.Errorf("reindex: %s is there, and must be moved away first: %w", kept, ErrExists)
		}
	}
	building := path + ".new"
	for _, left := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(building + left); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("reindex: %w", err)
		}
	}
	d, err := db.Open(ctx, building, schema, db.Options{})
	if err != nil {
		return fmt.Errorf("reindex: %w", err)
	}
	r := &reindexer{db: d, blobs: blobs, progress: progress}
	err = errors.Join(r.run(ctx), d.Close())
	if err == nil {
		err = withoutLog(building)
	}
	if err == nil {
		err = os.Rename(building, path)
	}
	if err != nil {
		return fmt.Errorf("reindex: %w", err)
	}
	return syncFolder(dir)
}

// withoutLog takes the log of a closed database away; one that could not be copied
// into it is part of it, and an error.
func withoutLog(path string) error {
	if i, err := os.Stat(path + "-wal"); err == nil && i.Size() > 0 {
		return fmt.Errorf("the log of %s could not be copied into it", path)
	}
	for _, left := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + left); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// notLost fails with ErrCorrupt where there was a database and is none: a new
// one would take the files of the old one for strangers.
func (s *Store) notLost() error {
	path := filepath.Join(s.dir, databaseName)
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	_, noted, err := readNote[directoryNote](s.blobs, Place{}, directoryNoteName)
	if err == nil && noted {
		err = fmt.Errorf("%s is missing; put it back with the log that belongs to it and no other (%s-wal), or move what is left of %s* away and rebuild it with `posthorn reindex`: %w",
			path, databaseName, databaseName, ErrCorrupt)
	}
	return err
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

type reindexer struct {
	db       *db.DB
	blobs    Blobs
	progress func(done, total int64)
	done     int64
	total    int64
	boxes    []rebuilt // that are not deleted
	expunged map[File]bool
}

func (r *reindexer) run(ctx context.Context) error {
	staged, err := r.blobs.Staged(ctx)
	for i := 0; i < len(staged) && err == nil; i++ {
		err = r.blobs.Unstage(ctx, staged[i], false) // what was answered for has a name in a folder
	}
	if err == nil {
		r.expunged, err = r.blobs.Expunged(ctx)
	}
	if err == nil {
		err = r.directory(ctx)
	}
	if err != nil {
		return err
	}
	err = r.blobs.Walk(ctx, func(p Place, files []Found) error {
		r.total += int64(len(files))
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	var a foundAccount
	err = r.blobs.Walk(ctx, func(p Place, files []Found) error {
		if p.Dir != a.dir {
			if err := r.account(ctx, &a); err != nil {
				return err
			}
			a = foundAccount{dir: p.Dir}
		}
		if last := len(a.places) - 1; last >= 0 && a.places[last].place == p {
			a.places[last].files = append(a.places[last].files, files...)
		} else {
			a.places = append(a.places, foundBox{place: p, files: files})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := r.account(ctx, &a); err != nil {
		return err
	}
	if err := r.sharing(ctx); err != nil {
		return err
	}
	return r.listAgain()
}

// listAgain lists once more what was expunged: lists go when no removal is left that
// is as old as they are, and those that Reindex enters are younger than all.
func (r *reindexer) listAgain() error {
	if len(r.expunged) == 0 {
		return nil
	}
	return r.blobs.NoteExpunged(slices.Collect(maps.Keys(r.expunged)))
}

// directory rebuilds domains, keys and aliases.
func (r *reindexer) directory(ctx context.Context) error {
	n, _, err := readNote[directoryNote](r.blobs, Place{}, directoryNoteName)
	if err != nil {
		return err
	}
	// Real domains before those that are aliases of them.
	slices.SortStableFunc(n.Domains, func(a, b Domain) int { return len(a.AliasOf) - len(b.AliasOf) })
	return r.db.Commit(ctx, 0, func(tx *db.Tx) error {
		for _, d := range n.Domains {
			if err := insertDomain(tx, d); err != nil {
				return err
			}
		}
		for _, k := range n.Keys {
			if err := insertDKIMKey(tx, k); err != nil {
				return err
			}
		}
		for name, value := range n.Secrets {
			if err := insertSecret(tx, name, value); err != nil {
				return err
			}
		}
		for _, a := range n.Aliases {
			_, domain, err := addressKey(a.Address)
			if err == nil {
				err = insertAlias(tx, a, domain)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
