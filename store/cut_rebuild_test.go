package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"posthorn/store"
	"posthorn/store/faults"
	"posthorn/store/maildir"
	"posthorn/store/powercut"
)

// reopened opens a store on what a cut has left, has look look at it, and closes it.
func reopened(dir string, look func(*store.Store) error) error {
	s, err := store.Open(context.Background(), dir, maildir.New(dir), store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return errors.Join(look(s), s.Close())
}

// An upgrade that the power cut ends leaves the older database or the newer one,
// with all rows, and the next start a whole copy of the older.
func TestPowerCutDuringAnUpgrade(t *testing.T) {
	const rows = 400
	root := filepath.Join(onMemory(t), "data")
	ok(t, os.Mkdir(root, 0o700))
	var old []string
	for i := range rows {
		old = append(old, fmt.Sprintf(`INSERT INTO events (at, kind, item, session, message_id, sender, recipient, mta, status, took)
			VALUES (%d, 'accepted', %d, 'S%d', '%d@away.test', 'bob@away.test', 'alice@example.test', '', '250 2.0.0 Ok', 5000)`, time.Now().UnixNano()+int64(i), i, i, i))
	}
	ok(t, store.MakeOld(t.Context(), root, store.BeforeEvents, old...))
	rec, err := powercut.Record(root, maildir.System{}, 0)
	ok(t, err)
	s, err := store.Open(t.Context(), root, maildir.NewOn(rec, root), store.Options{Log: slog.New(slog.DiscardHandler)})
	ok(t, err)
	s.Halt()
	rec.Say("upgraded")
	ok(t, s.Close())
	verify := func(dir string, _ *powercut.Log, _ int, m powercut.Model) error {
		err := reopened(dir, func(s *store.Store) error {
			n, err := s.Number(t.Context(), `SELECT count(*) FROM events`)
			if err == nil && n != rows {
				err = fmt.Errorf("%d rows of %d", n, rows)
			}
			return errors.Join(append(checked(t, s, func(store.Problem) bool { return false }), err)...)
		})
		if err != nil {
			return err
		}
		n, err := store.OldEvents(t.Context(), dir, store.BeforeEvents)
		if m == powercut.Posix && errors.Is(err, os.ErrNotExist) {
			return nil // internal/db syncs the copy's name itself, past the recorder
		}
		if err == nil && n != rows {
			err = fmt.Errorf("the copy has %d rows of %d", n, rows)
		}
		return err
	}
	(&search{t: t, log: rec.Stop(), points: rebuilds(), seed: 1, verify: verify}).run()
}

// rebuilds is how many points are looked at of an upgrade, or of a rebuild: both do
// the same each time.
func rebuilds() int { return min(max(cuts()/8, 10), 500) }

// A reindex that the power cut ends is begun again, and brings back what was in
// files: mailboxes, messages, flags and UIDs.
func TestPowerCutDuringAReindex(t *testing.T) {
	defer store.Hurried()()
	root := filepath.Join(onMemory(t), "data")
	s, err := store.Open(t.Context(), root, maildir.New(root), store.Options{Log: slog.New(slog.DiscardHandler)})
	ok(t, err)
	l := &load{Store: s, say: func(string) {}, steps: 20, ctx: t.Context()}
	ok(t, l.begin(3))
	ok(t, l.run(3, 1))
	ok(t, s.Reflect(t.Context()))
	was, err := look(t, s)
	ok(t, err)
	ok(t, s.Close())
	left, err := filepath.Glob(filepath.Join(root, store.DatabaseName+"*"))
	ok(t, err)
	for _, path := range left {
		ok(t, os.Remove(path))
	}
	rec, err := powercut.Record(root, maildir.System{}, 0)
	ok(t, err)
	ok(t, store.Reindex(t.Context(), root, maildir.NewOn(rec, root), nil))
	verify := func(dir string, _ *powercut.Log, _ int, _ powercut.Model) error {
		if err := store.Reindex(t.Context(), dir, maildir.New(dir), nil); err != nil {
			return err
		}
		return reopened(dir, func(s *store.Store) error {
			s.Halt()
			errs := checked(t, s, func(p store.Problem) bool { return p.Invariant == "S8" && p.Account == "" }) // the queue's content
			is, err := look(t, s)
			errs = append(errs, err)
			for w, had := range was.worlds {
				for name, change := range difference(had, is.worlds[w]) {
					if !strings.HasPrefix(name, "q ") {
						errs = append(errs, fmt.Errorf("%s: %q, not %q", name, change, had[name]))
					}
				}
			}
			for name, uid := range was.uids {
				if is.uids[name] != uid {
					errs = append(errs, fmt.Errorf("%s has UID %d, not %d", name, is.uids[name], uid))
				}
			}
			return errors.Join(errs...)
		})
	}
	(&search{t: t, log: rec.Stop(), points: rebuilds(), seed: 1, verify: verify}).run()
}

// The log of a lost database is not taken for the rebuilt one's, which it would
// damage.
func TestReindexBesideALogThatWasLeft(t *testing.T) {
	f := setUp(t)
	f.fill(0, 3)
	path := filepath.Join(f.dir, store.DatabaseName)
	log, err := os.ReadFile(path + "-wal")
	ok(t, err)
	ok(t, f.Close())
	ok(t, os.Remove(path))
	ok(t, os.WriteFile(path+"-wal", log, 0o600))
	err = store.Reindex(t.Context(), f.dir, maildir.New(f.dir), nil)
	is(t, err, store.ErrExists)
	if !strings.Contains(err.Error(), "-wal") {
		t.Errorf("%v does not say what is in the way", err)
	}
	ok(t, os.Remove(path+"-wal"))
	ok(t, store.Reindex(t.Context(), f.dir, maildir.New(f.dir), nil))
	left, err := filepath.Glob(path + ".new*")
	ok(t, err)
	if len(left) > 0 {
		t.Errorf("%q were left", left)
	}
}

// A log that the disk did not let into the rebuilt database is part of it.
func TestReindexOnADiskThatDoesNotSync(t *testing.T) {
	f := setUp(t)
	f.fill(0, 3)
	f.lose()
	disk, err := faults.On(f.dir, maildir.System{})
	ok(t, err)
	disk.Set(faults.Fault{Kind: faults.SyncDatabase, From: 1, Times: forever, Err: unix.EIO})
	err = store.Reindex(t.Context(), f.dir, maildir.New(f.dir), nil)
	disk.Remove()
	if err == nil {
		t.Fatal("it is done, and the database is not on the disk")
	}
	f.rebuild()
	if n := f.messages(); n != 3 {
		t.Errorf("%d messages", n)
	}
}
