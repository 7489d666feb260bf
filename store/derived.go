package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"

	"posthorn/internal/db"
	"posthorn/message"
)

// The derived file holds what is made from content and rows and can be made
// again: packs (pack.go), loose digests (digests.go), and what the derivations
// keep. It is never synced and may be deleted at any time. It goes by mailbox and
// UID, so it must never meet another database than its own, nor an older state of
// it in which UIDs that it knows have not been given yet.
//
// That is what the opening is for. Each Open draws a number, which goes into the
// database, and into the derived file when it has been proved. A database put back
// from a backup has the number of an opening whose state it shows, and the derived
// file has that number only when no Open came between; if it has another it is
// thrown away, like a damaged one, and one whose tables or digests are of another
// version. Where no Open came between, the marks tell which mailboxes have UIDs
// that are known and have not been given: what is known of those is dropped
// (derived_proof.go).

const (
	derivedName = "derived.db"
	// damagedName is made when reading the derived file shows that it is
	// damaged: the next Open throws it away.
	damagedName = "derived.db.damaged"
)

// derivedSchema is the tables of the derived file. There are no migrations: any
// change of this text makes a new file.
const derivedSchema = `
CREATE TABLE derived_of (
	version INTEGER NOT NULL, -- of this schema and of digests
	opening INTEGER NOT NULL
) STRICT;
` + packSchema + markSchema + textSchema

// derivedVersion tells derived files of different making apart.
func derivedVersion() int64 {
	h := fnv.New64a()
	fmt.Fprint(h, message.DigestVersion, packVersion, derivedSchema)
	return int64(h.Sum64() >> 1)
}

// openDerived opens the derived file that belongs to the database, or begins a
// new one.
func (s *Store) openDerived(ctx context.Context) error {
	path := filepath.Join(s.dir, derivedName)
	if _, err := os.Lstat(filepath.Join(s.dir, damagedName)); err == nil {
		if err := removeDerived(s.dir); err != nil {
			return err
		}
	}
	opening, err := s.opening(ctx)
	if err != nil {
		return err
	}
	_, missing := os.Lstat(path)
	d, err := openDerivedAt(ctx, path)
	if err == nil && s.belongs(ctx, d, opening) != nil {
		err = errors.Join(errForeign, d.Close())
	}
	if err != nil {
		if missing == nil {
			s.troubles.log.Info("the index of what is in messages is made anew", "error", err)
		}
		if err := removeDerived(s.dir); err != nil {
			return err
		}
		if d, err = openDerivedAt(ctx, path); err != nil {
			return err
		}
	}
	s.derived = newDerivedFile(d)
	n, err := s.beginOpening(ctx)
	if err != nil {
		return err
	}
	return s.beginProof(ctx, n)
}

// derivedPage: a pack is tens of kilobytes, and reading it is one system call a
// page.
const derivedPage = 16 << 10

// derivedReserve is room for what a start writes, and a purge.
const derivedReserve = 1 << 20

func openDerivedAt(ctx context.Context, path string) (*db.DB, error) {
	return db.Open(ctx, path, []db.Migration{derivedSchema}, db.Options{Unsynced: true, PageSize: derivedPage, Reserve: derivedReserve, Prepared: hearStatement})
}

func removeDerived(dir string) error {
	for _, name := range []string{derivedName, derivedName + "-wal", derivedName + "-shm", damagedName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// opening is the number of the last Open, 0 when there was none.
func (s *Store) opening(ctx context.Context) (n int64, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error { return tx.Row(`SELECT number FROM opening`).Scan(&n) })
	if errors.Is(err, db.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

var errForeign = errors.New("derived file of another state of the database")

// belongs tells whether a derived file is of this database: of which state of
// it, prove finds out.
func (s *Store) belongs(ctx context.Context, d *db.DB, opening int64) error {
	return d.View(ctx, func(tx *db.Tx) error {
		var found bool
		err := tx.Row(`SELECT EXISTS (SELECT 1 FROM derived_of WHERE version = ? AND opening = ?)`, derivedVersion(), opening).Scan(&found)
		if err != nil || !found {
			return errors.Join(errForeign, err)
		}
		return nil
	})
}

// beginOpening gives the database a new number, which the derived file gets when
// it has been proved: after a crash before that nobody knows what has been
// delivered meanwhile, and it is made anew.
func (s *Store) beginOpening(ctx context.Context) (n int64, err error) {
	n = rand.Int64N(1<<62) + 1
	return n, s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		_, err := tx.Exec(`INSERT INTO opening (one, number) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET number = excluded.number`, n)
		return err
	})
}

// derivedOutcome tells the log how the derived file fares, and has the next Open
// throw it away when it is damaged. Until then content is read instead.
func (s *Store) derivedOutcome(doing string, err error) {
	if errors.Is(err, db.ErrDamaged) { // once, however many reads have met it
		err = fmt.Errorf("%s is made anew at the next start, until then much is slower: %w", derivedName, db.ErrDamaged)
		err = errors.Join(err, os.WriteFile(filepath.Join(s.dir, damagedName), nil, 0o600))
	}
	s.troubles.outcome("digests", fail(doing, err))
}
