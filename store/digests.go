package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"posthorn/internal/db"
	"posthorn/message"
)

// Digests (package message) are what FETCH answers with instead of reading the
// content. They are kept in a database file of their own, which is never synced
// and may be deleted at any time: each is made again when it is asked for. They
// go by key, which names content once and for all; the recipients of one message
// share its digest.

// derivedSchema is thrown away and made anew where others would migrate.
var derivedSchema = []db.Migration{`
CREATE TABLE digests (
	id     INTEGER PRIMARY KEY,
	key    TEXT NOT NULL UNIQUE,
	digest BLOB NOT NULL
) STRICT;
`}

const derivedName = "derived.db"

// openDerived opens the derived file; a damaged one, or one of another version,
// is made anew.
func openDerived(ctx context.Context, dir string) (*db.DB, error) {
	path := filepath.Join(dir, derivedName)
	d, err := db.Open(ctx, path, derivedSchema, db.Options{Unsynced: true})
	if err == nil {
		return d, nil
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + end); err != nil && !os.IsNotExist(err) {
			return nil, err
		}
	}
	return db.Open(ctx, path, derivedSchema, db.Options{Unsynced: true})
}

// Digests gives message.MakeDigest's octets for msgs, in their order, computing
// and keeping those that are missing; nil where the content cannot be read.
func (m *Mailbox) Digests(ctx context.Context, msgs []Message) ([][]byte, error) {
	all := make([][]byte, len(msgs))
	err := m.store.derived.View(ctx, func(tx *db.Tx) error {
		for i := range msgs {
			err := tx.Row(`SELECT digest FROM digests WHERE key = ?`, msgs[i].Key).Scan(&all[i])
			if err != nil && !errors.Is(err, db.ErrNoRows) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		clear(all) // they can all be made again
	}
	var made []int
	for i := range msgs {
		if _, err := message.ParseDigest(all[i]); err == nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, m.failed("digest messages of", err)
		}
		if all[i] = m.digest(ctx, msgs[i]); all[i] != nil {
			made = append(made, i)
		}
	}
	m.store.keepDigests(ctx, msgs, all, made)
	return all, nil
}

// digest reads one message; nil when it cannot be read.
func (m *Mailbox) digest(ctx context.Context, msg Message) []byte {
	r, err := m.Open(ctx, msg)
	if err != nil {
		return nil
	}
	defer r.Close()
	b, err := message.MakeDigest(r)
	if err != nil {
		return nil
	}
	return b
}

// keepDigests writes digests for the next time. What cannot be kept is made
// again.
func (s *Store) keepDigests(ctx context.Context, msgs []Message, all [][]byte, made []int) {
	if len(made) == 0 {
		return
	}
	err := s.derived.Commit(ctx, 0, func(tx *db.Tx) error {
		for _, i := range made {
			_, err := tx.Exec(`INSERT INTO digests (key, digest) VALUES (?, ?)
				ON CONFLICT (key) DO UPDATE SET digest = excluded.digest`, msgs[i].Key, all[i])
			if err != nil {
				return err
			}
		}
		return nil
	})
	s.troubles.outcome("digests", fail("keep digests", err))
}

// forgetDigests drops the digests of content that is gone. One that stays does
// no harm.
func (s *Store) forgetDigests(ctx context.Context, keys []Key) {
	err := s.derived.Commit(ctx, 0, func(tx *db.Tx) error {
		for _, k := range keys {
			if _, err := tx.Exec(`DELETE FROM digests WHERE key = ?`, k); err != nil {
				return err
			}
		}
		return nil
	})
	s.troubles.outcome("digests", fail("forget digests", err))
}
