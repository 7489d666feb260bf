package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"posthorn/internal/db"
)

// Reflect mirrors everything there is to mirror, in place of the goroutine that
// does it otherwise.
func (s *Store) Reflect(ctx context.Context) error {
	s.background.halt()
	if err := s.File(ctx); err != nil {
		return err
	}
	s.mirrorBacklog(ctx)
	return s.reflect(ctx)
}

// File puts all content into files, makes them durable, and takes it out of the
// database, beside the goroutines that do it otherwise.
func (s *Store) File(ctx context.Context) error {
	s.filing.mu.Lock()
	for _, u := range s.filing.resting {
		u.since = time.Time{}
	}
	s.filing.retry = time.Time{}
	s.filing.mu.Unlock()
	s.filing.again()
	return errors.Join(s.wakeResting(ctx), s.fileAll(ctx), s.sync(ctx))
}

// ForgetBodies leaves unfiled content in its rows alone.
func (s *Store) ForgetBodies() {
	s.filing.mu.Lock()
	defer s.filing.mu.Unlock()
	for _, u := range s.filing.all {
		u.body = nil
	}
}

// Halt ends what the store does by itself.
func (s *Store) Halt() { s.background.halt() }

// Derived changes the derived file behind the store's back.
func (s *Store) Derived(ctx context.Context, query string, args ...any) (n int64, err error) {
	ofTests.Store(query, true)
	err = s.derived.Commit(ctx, 0, func(tx *db.Tx) (err error) {
		n, err = tx.Exec(query, args...)
		return err
	})
	return n, err
}

// DerivedNumber reads one number of it.
func (s *Store) DerivedNumber(ctx context.Context, query string, args ...any) (n int64, err error) {
	ofTests.Store(query, true)
	err = s.derived.View(ctx, func(tx *db.Tx) error { return tx.Row(query, args...).Scan(&n) })
	return n, err
}

// BlockUIDs is how many UIDs make a block.
const BlockUIDs = blockUIDs

// PurgeAt does what purge would do at a time.
func (s *Store) PurgeAt(ctx context.Context, now time.Time) error {
	_, err := s.purgeAll(ctx, now)
	return err
}

// Damage changes rows behind the store's back.
func (s *Store) Damage(ctx context.Context, query string, args ...any) error {
	ofTests.Store(query, true)
	return s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	})
}

// Number reads one number.
func (s *Store) Number(ctx context.Context, query string, args ...any) (n int64, err error) {
	ofTests.Store(query, true)
	err = s.db.View(ctx, func(tx *db.Tx) error { return tx.Row(query, args...).Scan(&n) })
	return n, err
}

// Troubles gives what tells a log of the store's own work.
func Troubles(log *slog.Logger) func(task string, err error) { return newTroubles(log).outcome }

// Hurry makes the mirror, the deriver and the filing follow at once.
func Hurry() {
	mirrorPause, derivePause, spoolPause, syncPause = time.Millisecond, time.Millisecond, time.Millisecond, 5*time.Millisecond
}

// LastFiling has the end of the store wait for filing as long as d, until restore.
func LastFiling(d time.Duration) (restore func()) {
	old := fileLastFor
	fileLastFor = d
	return func() { fileLastFor = old }
}

// InlineLimit is up to where content goes into the database.
const InlineLimit = inlineLimit

// Abandon closes the store without the work it does at its end.
func (s *Store) Abandon() {
	s.background.halt()
	s.filing.mu.Lock()
	s.filing.due, s.filing.resting, s.filing.failed, s.filing.written = nil, nil, nil, nil
	s.filing.mu.Unlock()
	if err := s.Close(); err != nil {
		panic(err)
	}
}

// Unfiled is how much content is not filed.
func (s *Store) Unfiled() (contents int, octets int64) {
	s.filing.mu.Lock()
	defer s.filing.mu.Unlock()
	return len(s.filing.all), s.filing.octets
}

// NoRoom makes the database refuse content until give is called.
func (s *Store) NoRoom() (give func()) {
	s.filing.mu.Lock()
	defer s.filing.mu.Unlock()
	s.filing.octets += unfiledLimit
	return func() {
		s.filing.mu.Lock()
		defer s.filing.mu.Unlock()
		s.filing.octets -= unfiledLimit
	}
}

// LimitTombstones lets a mailbox have fewer ranges until restore.
func LimitTombstones(n int) (restore func()) {
	old := tombstonesLimit
	tombstonesLimit = n
	return func() { tombstonesLimit = old }
}

// Hurried is Hurry until restore, with a log that is soon copied and begun anew.
func Hurried() (restore func()) {
	copyFrom, logLimit = 64<<10, 256<<10
	mirror, derive, spool, sync := mirrorPause, derivePause, spoolPause, syncPause
	Hurry()
	return func() {
		mirrorPause, derivePause, spoolPause, syncPause = mirror, derive, spool, sync
		copyFrom, logLimit = 0, 0
	}
}

// NeverSyncAll leaves all content in the database, until the restore of Hurried.
func NeverSyncAll() { syncPause = 24 * time.Hour }

// DatabaseName is the database in the data folder.
const DatabaseName = databaseName

// MailboxOf is the inverse of FolderName.
func MailboxOf(folder string) string { return mailboxOf(folder) }

// Panicking adds a derivation that panics over some messages and counts the
// others, until restore.
func Panicking(over func(UID) bool) (seen func() []UID, restore func()) {
	old := derivations
	var all []UID
	nothing := func(*db.Tx, MailboxID) error { return nil }
	derivations = append(derivations[:len(old):len(old)], derivation{
		name:   "test",
		begin:  func(*Store, *unit) work { return &panicking{over, &all} },
		forget: func(*db.Tx, MailboxID, []UID) error { return nil },
		drop:   nothing,
	})
	return func() []UID { return all }, func() { derivations = old }
}

type panicking struct {
	over func(UID) bool
	seen *[]UID
}

func (p *panicking) message(_ context.Context, d *derivable) error {
	if p.over(d.UID) {
		panic("a parser's fault")
	}
	*p.seen = append(*p.seen, d.UID)
	return nil
}

func (p *panicking) write(*db.Tx) error { return nil }

// Bulk gives a mailbox n messages that have rows and no content, 10,000 in a
// commit: for what only the index is asked for. The store does nothing by itself
// afterwards.
func (s *Store) Bulk(ctx context.Context, a AccountID, box MailboxID, n int) error {
	s.background.halt()
	now := time.Now()
	for from := 0; from < n; from += 10_000 {
		all := make([]Message, min(10_000, n-from))
		for i := range all {
			at := from + i
			all[i] = Message{
				Key: Key(fmt.Sprintf("%d.M%dP%d.example", now.Unix(), at*7919%1_000_000, at)), Size: int64(2000 + at%5000),
				Internal: now.Add(time.Duration(at) * time.Second), Saved: now, Thread: ThreadID(at/3 + 1),
			}
			if at%3 == 0 {
				all[i].Flags = FlagSeen
			}
		}
		err := s.db.Commit(ctx, int64(a), func(tx *db.Tx) error {
			d := sum(all)
			modseq, email, err := chargeAccount(tx, a, Quota{d.size, d.messages}, true)
			if err != nil {
				return err
			}
			for i := range all {
				all[i].Email = email + EmailID(i)
			}
			_, err = enter(tx, box, all, modseq)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// KeepRecents writes claims down, beside the goroutine that does it otherwise.
func (s *Store) KeepRecents(ctx context.Context) error { return s.keepRecents(ctx) }

// MakeOld makes the database of an older version, with what statements put in it.
func MakeOld(ctx context.Context, dir string, version int, statements ...string) error {
	d, err := db.Open(ctx, filepath.Join(dir, databaseName), schema[:version], db.Options{})
	if err != nil {
		return err
	}
	err = d.Commit(ctx, 0, func(tx *db.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(s); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, d.Close())
}

// OldEvents counts the events in the copy that an upgrade has made.
func OldEvents(ctx context.Context, dir string, version int) (n int64, err error) {
	path := fmt.Sprintf("%s.v%d", filepath.Join(dir, databaseName), version)
	if _, err := os.Stat(path); err != nil {
		return 0, err
	}
	d, err := db.Open(ctx, path, schema[:version], db.Options{})
	if err != nil {
		return 0, err
	}
	ofTests.Store(countEvents, true)
	err = d.View(ctx, func(tx *db.Tx) error { return tx.Row(countEvents).Scan(&n) })
	return n, errors.Join(err, d.Close())
}

const countEvents = `SELECT count(*) FROM events`

// BeforeEvents is the last version whose events were found by nothing but their
// item.
var BeforeEvents = slices.Index(schema, eventsSchema)

// SetMaxFailing bounds the addresses that are known to fail.
func SetMaxFailing(n int64) (restore func()) {
	old := maxFailing
	maxFailing = n
	return func() { maxFailing = old }
}

// TraceQueries are those that a trace asks, however many events there are.
var TraceQueries = []string{eventsOfDay, leadsByID, leadsBySender, leadsByRecipient, dayBefore}

// QueueQueries are those that the scheduler asks besides its own index, however
// much waits.
var QueueQueries = []string{releaseClaims, freeKept, passOldest, nextHold, holdsOf}

// Plan is how SQLite goes about a query, step by step.
func (s *Store) Plan(ctx context.Context, query string) (steps []string, err error) {
	var none [9]any
	for i := range none {
		none[i] = int64(1)
	}
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		steps, err = collect(tx, func(sc scanner) (detail string, err error) {
			var id, parent, unused int64
			return detail, sc.Scan(&id, &parent, &unused, &detail)
		}, "EXPLAIN QUERY PLAN "+query, none[:strings.Count(query, "?")]...)
		return err
	})
	return steps, err
}

// FillQueue spools n messages with one recipient each, to destinations in turn,
// without their content.
func (s *Store) FillQueue(ctx context.Context, n, destinations int) error {
	return s.db.Commit(ctx, 0, func(tx *db.Tx) error {
		now := time.Now().UnixNano()
		_, err := tx.Exec(testOnly(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
			INSERT INTO items (queue_id, key, size, from_local, from_domain, envid, ret, body, utf8, require_tls, login, proven, peer, protocol, message_id, arrived, expires)
			SELECT printf('%013X', i), 'k' || i, 4096, 'alice', 'here.test', '', 0, 0, 0, 0, 'alice@here.test', 1, '', '', i || '@here.test', ?2 - i, ?2 + 1000000000000 FROM n`), n, now)
		if err != nil {
			return err
		}
		_, err = tx.Exec(testOnly(`INSERT INTO deliveries (item, local, domain, orcpt, notify, destination, state, report, held, due, ready, updated, reply_name, reply_code, reply_x, reply_text, mta)
			SELECT id, 'u' || id, 'd' || (id % ?1) || '.test', '', 0, 'd' || (id % ?1) || '.test', 'waiting', 'none', 0, ?2, ?2, ?2, '', 451, '4.4.1', 'No answer', 'mx.test' FROM items`), destinations, now+int64(time.Hour))
		return err
	})
}

// EmptySingles forgets what was read for few messages.
func (s *Store) EmptySingles() { s.singles.empty() }

const MaxRemembered = maxRemembered

// FillDomains adds n domains, named by a format of their number.
func (s *Store) FillDomains(ctx context.Context, format string, n int) error {
	return s.alterDirectory(ctx, 0, func(tx *db.Tx) error {
		for i := range n {
			if err := insertDomain(tx, Domain{Name: fmt.Sprintf(format, i)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// DomainNames is what tells domains that are not ours.
func (s *Store) DomainNames(ctx context.Context) (map[string]bool, error) {
	return s.directory.names.get(ctx, s.db, struct{}{})
}
