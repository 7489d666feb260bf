package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/maildir"
	"posthorn/store/powercut"
)

// cutsVariable says how many cut points the search looks at (20000 take some ten
// minutes); without it there are few, and very few for the race detector, under
// which SQLite is ten times slower.
const cutsVariable = "POSTHORN_CUTS"

func cuts() int {
	if n, err := strconv.Atoi(os.Getenv(cutsVariable)); err == nil {
		return n
	}
	if raced {
		return 30
	}
	return 240
}

// onMemory is a folder for disks that are made by the thousand.
func onMemory(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "posthorn-cuts-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// record runs a load on a new store and gives the log of all it did to its disk,
// from the first call on. prepare, when it is not nil, changes what a store does
// by itself.
func record(t testing.TB, workers, steps int, seed uint64, prepare func()) *powercut.Log {
	t.Helper()
	defer store.Hurried()()
	if prepare != nil {
		prepare()
	}
	root := filepath.Join(onMemory(t), "data")
	ok(t, os.Mkdir(root, 0o700))
	rec, err := powercut.Record(root, maildir.System{}, 200*time.Microsecond)
	ok(t, err)
	s, err := store.Open(t.Context(), root, maildir.NewOn(rec, root), store.Options{Log: slog.New(slog.DiscardHandler)})
	ok(t, err)
	l := &load{Store: s, say: rec.Say, steps: steps, ctx: t.Context()}
	ok(t, l.begin(3))
	ok(t, l.run(workers, seed))
	ok(t, l.PurgeAt(t.Context(), later()))
	ok(t, s.Close())
	return rec.Stop()
}

// search cuts the power at so many points of a log, spread over all of it, and
// calls verify with each disk that is left. It ends after a few violations.
type search struct {
	t      testing.TB
	log    *powercut.Log
	from   int // of the log
	points int
	seed   uint64
	about  string // what is special about the log
	verify func(dir string, l *powercut.Log, cut int, m powercut.Model) error

	expected   bool // of which there are to be some
	violations atomic.Int64
	looked     atomic.Int64
}

// enough is how many violations are told.
const enough = 3

func (s *search) run() {
	s.t.Helper()
	dir := onMemory(s.t)
	var all sync.WaitGroup
	for m := range powercut.Models {
		all.Go(func() {
			s.in(powercut.Model(m), filepath.Join(dir, powercut.Model(m).String()), s.points/powercut.Models)
		})
	}
	all.Wait()
}

// in searches under one model. The cut points ascend, since a replay only goes on.
func (s *search) in(m powercut.Model, dir string, points int) {
	rng := rand.New(rand.NewPCG(s.seed, uint64(m)))
	cuts := make([]int, points)
	calls := s.log.Len() - s.from
	for i := range cuts {
		cuts[i] = s.from + i*calls/points
		if points < calls {
			cuts[i] += rng.IntN(calls / points)
		}
	}
	slices.Sort(cuts)
	replay := powercut.NewReplay(s.log, m, s.seed)
	for i, cut := range cuts {
		if n := s.violations.Load(); n >= enough || n > 0 && s.expected {
			return
		}
		replay.To(cut)
		seed := s.seed<<20 + uint64(i)
		err := replay.Write(dir, seed)
		if err == nil {
			err = s.verify(dir, s.log, cut, m)
		}
		err = errors.Join(err, os.RemoveAll(dir))
		s.looked.Add(1)
		if err != nil && s.violations.Add(1) <= enough && !s.expected {
			s.tell(replay, seed, cut, m, err)
		}
	}
}

// tell reports a violation, with the disk as it was and what came before.
func (s *search) tell(r *powercut.Replay, seed uint64, cut int, m powercut.Model, err error) {
	kept, e := os.MkdirTemp("", "posthorn-cut-")
	if e == nil {
		e = r.Write(filepath.Join(kept, "data"), seed)
	}
	if e == nil {
		e = os.WriteFile(filepath.Join(kept, "log"), []byte(s.log.Before(cut, cut)), 0o600)
	}
	s.t.Errorf("%s cut %d, model %s, seed %d: %v\nthe disk and the log are in %s (%v); the last calls were\n%s", s.about, cut, m, seed, err, kept, e, s.log.Before(cut, 12))
}

// afterCut holds that a store that comes up on the disk of a cut has what was
// told before, and the invariants, and goes on.
func afterCut(t testing.TB) func(string, *powercut.Log, int, powercut.Model) error {
	return func(dir string, l *powercut.Log, cut int, m powercut.Model) error {
		p, err := before(l, cut)
		if err != nil {
			return err
		}
		s, err := store.Open(context.Background(), dir, maildir.New(dir), store.Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		if cut%4 > 0 {
			s.Halt() // else it mirrors, derives and purges beside what looks
		}
		return errors.Join(standsUp(t, s, p, m), s.Close())
	}
}

func standsUp(t testing.TB, s *store.Store, p *promised, m powercut.Model) error {
	errs := checked(t, s, func(found store.Problem) bool { return m == powercut.Posix && p.leftOver(found) })
	f, err := look(t, s)
	errs = append(errs, err)
	if f != nil {
		errs = append(errs, p.holds(f)...)
	}
	if _, err := s.ReleaseClaims(t.Context()); err != nil { // as the scheduler begins
		errs = append(errs, err)
	}
	if n, err := s.Number(t.Context(), `SELECT count(*) FROM deliveries WHERE state = 'waiting' AND ready <> due`); err != nil || n > 0 {
		errs = append(errs, fmt.Errorf("%d claims are left (Q5), %v", n, err))
	}
	if n, err := s.Number(t.Context(), `SELECT count(*) FROM items i WHERE NOT EXISTS
		(SELECT 1 FROM deliveries d WHERE d.item = i.id AND (d.state = 'waiting' OR d.report = 'due'))`); err != nil || n > 0 {
		errs = append(errs, fmt.Errorf("%d items have nothing left to do (Q1), %v", n, err))
	}
	return errors.Join(append(errs, goesOn(t, s, f))...)
}

// checked runs check, and passes over what is excused.
func checked(t testing.TB, s *store.Store, excused func(store.Problem) bool) (errs []error) {
	problems, err := s.Check(t.Context(), false, nil)
	if err != nil {
		errs = append(errs, err)
	}
	for _, p := range problems {
		if excused(p) {
			continue
		}
		errs = append(errs, fmt.Errorf("check: %+v", p))
	}
	return errs
}

// goesOn appends a message: its numbers must be new.
func goesOn(t testing.TB, s *store.Store, f *found) error {
	accounts, err := s.Accounts(t.Context())
	if err != nil || len(accounts) == 0 || f == nil {
		return err
	}
	b, err := s.Put(t.Context(), &mail.Mail{Content: mail.Bytes(tokenText("w0-next", 300))})
	if err != nil {
		return err
	}
	r, err := s.Commit(t.Context(), store.Change{Append: []store.Incoming{{Blob: b, Account: accounts[0].ID, Role: store.RoleInbox}}})
	if err != nil {
		return err
	}
	if was := f.boxes[r.Appended[0].Mailbox]; r.Appended[0].UID < was.UIDNext || r.Appended[0].ModSeq <= was.ModSeq {
		return fmt.Errorf("after %+v a message got %+v (S4, S5)", was, r.Appended[0])
	}
	return nil
}

// S1 to S8, Q1, Q5, and that every 250 is there once: whenever the power is cut,
// and whatever of the unsynced calls the disk has kept.
func TestPowerCutAtAnyPoint(t *testing.T) {
	points := cuts()
	const perLog = 4000
	looked := int64(0)
	for seed := uint64(1); points > 0 && !t.Failed(); seed++ {
		l := record(t, 4, 40, seed, nil)
		t.Logf("%d calls: %s", l.Len(), l.Count())
		s := &search{t: t, log: l, points: min(points, perLog), seed: seed, verify: afterCut(t)}
		s.run()
		points -= s.points
		looked += s.looked.Load()
	}
	t.Logf("%d cut points", looked)
}

// The search must be able to fail: on a disk that answers some syncs and does
// nothing it finds what is lost. The log is of a store that never syncs the whole
// disk, where that is not what is left out: such a sync makes up for the others,
// soon or late as it happens, and the search would find a fault or not.
func TestPowerCutOnADiskThatLies(t *testing.T) {
	all := map[string]func(path string) bool{
		"the log":            func(path string) bool { return path == store.DatabaseName+"-wal" },
		"the database":       func(path string) bool { return path == store.DatabaseName },
		"content":            func(path string) bool { return filepath.Dir(path) == "tmp" },
		"folders of content": func(path string) bool { return filepath.Base(path) == "cur" || path == "spool" },
		"folders of folders": func(path string) bool {
			return strings.HasPrefix(filepath.Base(path), ".") || filepath.Base(path) == "Maildir"
		},
	}
	finds := func(t *testing.T, l *powercut.Log, lies func(path string) bool) {
		lying := l.Lying(lies)
		if lying.Ignored() == 0 {
			t.Fatal("the load makes no such sync")
		}
		s := &search{t: t, log: lying, points: 300, seed: 1, verify: afterCut(t), expected: true}
		s.run()
		if s.violations.Load() == 0 {
			t.Errorf("%d cut points, and nothing was found", s.looked.Load())
		}
	}
	l := record(t, 4, 20, 1, store.NeverSyncAll)
	for name, lies := range all {
		if !raced || name == "the log" {
			t.Run(name, func(t *testing.T) { finds(t, l, lies) })
		}
	}
	if !raced {
		t.Run("the whole disk", func(t *testing.T) {
			finds(t, record(t, 4, 20, 1, nil), func(path string) bool { return path == "*" })
		})
	}
}
