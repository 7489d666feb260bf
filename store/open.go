package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"posthorn/internal/db"
)

// Store is concrete: only bytes (Blobs) and the SQL dialect vary below it. Its
// methods may be called from many goroutines.
type Store struct {
	dir        string
	lock       *os.File
	db         *db.DB
	derived    *derivedFile
	blobs      Blobs
	watchers   watchers
	directory  *directory
	reserved   reservations
	maildrops  openMaildrops
	mirror     *mirror
	purge      *purger
	mender     *mender
	filing     *filing
	indexer    indexer                 // deriver.working
	texts      *kept[int64, *readText] // by segment; no id is given a second time
	singles    *singles                // facts_few.go
	deriver    *deriver
	recents    *recents
	background background
	troubles   *troubles
	eventsKept time.Duration
}

// Options are what a Store is opened with. The zero value is the default.
type Options struct {
	// Log is told of what the store does by itself and nobody waits for:
	// nil, nobody.
	Log *slog.Logger
	// Events is how long events are kept; 0: EventsKept.
	Events time.Duration
}

// databaseName is the database in the data folder.
const databaseName = "posthorn.db"

// logReserve is the room in the database's log with which a store on a full disk
// starts: for logins, flags and the removal of some thousand messages.
const logReserve = 4 << 20

// copyFrom and logLimit are the sizes of the database's log; 0: its own. Tests make
// them small.
var copyFrom, logLimit int64

// failurePoint is where tests stop the process, or make a step fail.
var failurePoint func(step string) error

// hearStatement is where tests hear of each statement that is run.
var hearStatement func(query string)

// Open opens or makes the store in dir, which is the folder of blobs too, and takes
// its lock: ErrInUse names the process that holds it. What a crash has left of
// unfinished commits is cleared away before it returns.
func Open(ctx context.Context, dir string, blobs Blobs, o Options) (*Store, error) {
	if err := blobs.Make(); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	l, err := lock(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{dir: dir, lock: l, blobs: blobs, directory: newDirectory(), mirror: newMirror(), purge: newPurger(), filing: newFiling(), recents: newRecents(),
		texts: newKept[int64](keptWords, keptWordsFor, (*readText).size), singles: newSingles(),
		troubles: newTroubles(o.Log), eventsKept: cmp.Or(o.Events, EventsKept)}
	s.deriver = newDeriver(s.troubles.log)
	s.mender = newMender(s)
	if err := s.open(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("open store in %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) (err error) {
	if err := s.notLost(); err != nil {
		return err
	}
	s.db, err = db.Open(ctx, filepath.Join(s.dir, databaseName), schema, db.Options{
		Durable: s.durable, Broken: s.mender.broken, Upgrading: s.upgrading, Point: failurePoint,
		CopyFrom: copyFrom, LogLimit: logLimit, Reserve: logReserve, Prepared: hearStatement,
	})
	if err != nil {
		return err
	}
	if err := s.openDerived(ctx); err != nil {
		return err
	}
	if err := s.clearStaging(ctx); err != nil {
		return err
	}
	if err := s.loadUnfiled(ctx); err != nil {
		return err
	}
	s.mender.start()
	s.background.start(s)
	return nil
}

// upgrading refuses to bring the database to a newer version where the disk may
// have no room for the copy and for as much again in the log, and says where the
// copy is.
func (s *Store) upgrading(u db.Upgrade) error {
	free, err := s.blobs.Space()
	if err != nil {
		return err
	}
	if need := 2 * u.Octets; free < need {
		return fmt.Errorf("%d octets free, %d wanted: %w", free, need, ErrNoSpace)
	}
	s.troubles.log.Warn("the database is upgraded; a copy for the older program stays until you remove it",
		"from", u.From, "to", u.To, "copy", u.Copy)
	return nil
}

// Close waits for the commits that have been taken, and gives the lock back.
// Calls after it fail with ErrClosed.
func (s *Store) Close() error {
	var errs []error
	s.background.halt()
	s.texts.empty()
	s.singles.empty()
	s.mender.close()
	if s.derived != nil {
		errs = append(errs, s.derived.close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	errs = append(errs, s.blobs.Close(), s.lock.Close())
	return errors.Join(errs...)
}

// clearStaging ends what a crash has left: content that a row has is there, its
// staged name is only taken away; content that no row has was never answered
// for, and goes with the names it was given.
func (s *Store) clearStaging(ctx context.Context) error {
	keys, err := s.blobs.Staged(ctx)
	if err != nil {
		return fmt.Errorf("clear staging: %w", err)
	}
	for _, k := range keys {
		known, err := s.known(ctx, k)
		if err != nil {
			return fmt.Errorf("clear staging: %w", err)
		}
		if err := s.blobs.Unstage(ctx, k, !known); err != nil {
			return fmt.Errorf("clear staging: %w", err)
		}
	}
	return nil
}

// known tells whether a row has content that was staged as k.
func (s *Store) known(ctx context.Context, k Key) (yes bool, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		yes, err = hasRow(tx, k)
		return err
	})
	return yes, err
}

// hasRow tells whether a row has content under a key or one made from it (see
// sibling).
func hasRow(tx *db.Tx, k Key) (yes bool, err error) {
	err = tx.Row(`SELECT EXISTS (SELECT 1 FROM messages WHERE key >= ?1 AND key < ?2)
		OR EXISTS (SELECT 1 FROM items WHERE key >= ?1 AND key < ?2)
		OR EXISTS (SELECT 1 FROM removals WHERE key >= ?1 AND key < ?2)`, k, k+"~").Scan(&yes)
	return yes, err
}
