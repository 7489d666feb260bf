package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"posthorn/internal/db"
)

// How content is filed that may have files already: what the process before this
// one has left, what a failed sync covered, and commits whose outcome nobody knew.

// refileBlock is how many contents are written anew in one turn.
const refileBlock = 1024

// loadUnfiled finds what the process before this one has left unfiled. There may
// be files of it.
func (s *Store) loadUnfiled(ctx context.Context) error {
	f := s.filing
	f.refused = s.blobs.CanSyncAll()
	f.lastID = time.Now().UnixNano() // an id is never used again
	return s.db.View(ctx, func(tx *db.Tx) error {
		now := time.Now()
		_, err := collect(tx, func(row scanner) (struct{}, error) {
			u := &unfiled{unsure: true}
			var item ItemID
			err := row.Scan(&u.id, &u.key, &u.size, &item)
			f.lastID = max(f.lastID, u.id)
			f.octets += u.cost()
			f.committed(u, nil, item, now)
			return struct{}{}, err
		}, `SELECT id, key, length(content), `+restsFor+` FROM unfiled u ORDER BY id`)
		return err
	})
}

// restsFor is the item that alone has the content of a row u of unfiled, and no
// file; 0 for none.
const restsFor = `coalesce((SELECT i.id FROM items i WHERE i.key = u.key AND i.unfiled = u.id), 0)`

// recall settles commits of which nobody knew whether they have happened: what
// is in the database is filed, under the names the rows say.
func (s *Store) recall(ctx context.Context, all []*unfiled) error {
	for _, u := range all {
		var item ItemID
		err := s.db.View(ctx, func(tx *db.Tx) error {
			return tx.Row(`SELECT `+restsFor+` FROM unfiled u WHERE id = ?`, u.id).Scan(&item)
		})
		switch {
		case err == nil:
			s.filing.committed(u, nil, item, time.Now())
		case errors.Is(err, db.ErrNoRows):
			s.filing.discard(u)
		default:
			return err
		}
	}
	return nil
}

// rewrite writes content that may have files: under the names they have now, or
// those the rows say. Meanwhile the mirror gives no file another name. The
// caller holds turn.
func (s *Store) rewrite(ctx context.Context, unsure []*unfiled) error {
	if len(unsure) == 0 {
		return nil
	}
	s.mirror.renaming.Lock()
	defer s.mirror.renaming.Unlock()
	names, err := s.namesOf(ctx, unsure)
	if err != nil {
		return err
	}
	wanted := make(map[string]map[Key]bool) // by account
	for _, of := range names {
		for _, n := range of {
			if wanted[n.Dir] == nil {
				wanted[n.Dir] = make(map[Key]bool)
			}
			wanted[n.Dir][n.Key] = true
		}
	}
	there := make(map[string]map[Key]Found)
	failed := make(map[string]bool) // accounts that hold up nobody else's content
	var errs []error
	for dir, keys := range wanted {
		there[dir], err = s.blobs.Locate(ctx, dir, func(k Key) bool { return keys[k] })
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if failed[dir] = err != nil; err != nil {
			errs = append(errs, err)
		}
	}
	for i, u := range unsure {
		if err := ctx.Err(); err != nil {
			return err
		}
		if slices.ContainsFunc(names[i], func(n File) bool { return failed[n.Dir] }) {
			continue
		}
		for j, n := range names[i] {
			if found, ok := there[n.Dir][n.Key]; ok {
				names[i][j] = found.File
			}
		}
		err := s.writeOne(ctx, u, names[i])
		if errors.Is(err, ErrNoSpace) {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// namesOf gives each content the names that its rows say.
func (s *Store) namesOf(ctx context.Context, all []*unfiled) (names [][]File, err error) {
	names = make([][]File, len(all))
	err = s.db.View(ctx, func(tx *db.Tx) error {
		for i, u := range all {
			if names[i], err = readNames(tx, u.key); err != nil {
				return err
			}
		}
		return nil
	})
	return names, err
}

// readNames reads the names of content: of live messages, of items, and of what
// has been expunged and is not purged yet. A message that was moved has one.
func readNames(tx *db.Tx, k Key) ([]File, error) {
	all, err := collect(tx, func(row scanner) (f File, err error) {
		var uid UID
		var flags Flags
		err = row.Scan(&f.Dir, &f.Folder, &f.Key, &f.Size, &uid, &flags)
		if uid != 0 {
			f.Info = FileInfo(uid, flags)
		}
		return f, err
	}, `SELECT a.dir, m.folder, g.key, g.size, g.uid, g.flags
			FROM messages g JOIN mailboxes m ON m.id = g.mailbox JOIN accounts a ON a.id = m.account
			WHERE g.key >= ?1 AND g.key < ?2 AND g.expunged = 0
		UNION ALL SELECT '', '', key, size, 0, 0 FROM items WHERE key >= ?1 AND key < ?2
		UNION ALL SELECT dir, folder, key, size, 0, 0 FROM removals WHERE key >= ?1 AND key < ?2`, k, k+"~")
	var names []File
	for _, f := range all {
		same := func(o File) bool { return o.Dir == f.Dir && o.Key == f.Key }
		if !slices.ContainsFunc(names, same) {
			names = append(names, f)
		}
	}
	return names, err
}
