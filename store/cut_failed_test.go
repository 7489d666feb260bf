package store_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"posthorn/store"
	"posthorn/store/faults"
	"posthorn/store/maildir"
	"posthorn/store/powercut"
)

// forever is as many calls as a test makes.
const forever = 1 << 30

// recordFailed runs a load on a store one of whose syncs fails, and goes on: with
// the same store, which has to come back by itself, or, after a fault that lasts
// as long as the store, with one that is opened on what the kernel shows. cut is
// where in the log the fault began.
func recordFailed(t testing.TB, fault faults.Fault, seed uint64) (l *powercut.Log, cut int) {
	t.Helper()
	defer store.Hurried()()
	root := filepath.Join(onMemory(t), "data")
	ok(t, os.Mkdir(root, 0o700))
	disk, err := faults.On(root, maildir.System{})
	ok(t, err)
	defer disk.Remove()
	rec, err := powercut.Record(root, disk.Content(), 100*time.Microsecond)
	ok(t, err)
	var told atomic.Int64
	load := &suffering{load: load{steps: 1, ctx: t.Context(), say: func(word string) {
		rec.Say(word)
		if strings.Contains(word, `"Told":true`) {
			told.Add(1)
		}
	}}}
	open := func() {
		t.Helper()
		load.Store, err = store.Open(t.Context(), root, maildir.NewOn(rec, root), store.Options{Log: slog.New(slog.DiscardHandler)})
		ok(t, err)
	}
	// until lets the load run until something has come.
	until := func(what string, came func() bool) {
		t.Helper()
		for began := time.Now(); !came(); time.Sleep(100 * time.Microsecond) {
			if time.Since(began) > 20*time.Second {
				t.Fatalf("%s: no %s after 20 seconds", fault, what)
			}
		}
	}
	answers := func(n int64) {
		t.Helper()
		n += told.Load()
		until("more answers", func() bool { return told.Load() >= n })
	}
	var all sync.WaitGroup
	run := func() { load.stop.Store(false); all.Go(func() { load.run(3, seed) }) }
	halt := func() { load.stop.Store(true); all.Wait() }

	open()
	ok(t, load.begin(2))
	run()
	answers(10)
	cut = rec.Len()
	disk.Set(fault)
	until("call that fails", func() bool { return disk.Failed(fault.Kind) > 0 })
	if fault.Times == forever {
		halt()
		_ = load.Close() // what it could not sync it says here
		disk.End()
		open()
		run()
	} else {
		until("end of the fault", disk.Over)
	}
	answers(30)
	halt()
	disk.End()
	ok(t, load.Close())
	return rec.Stop(), cut
}

// S1 to S8, Q1, Q5, and that every 250 is there once: after a sync that failed,
// whether the store went on or was opened anew beneath the same kernel, which
// shows what the disk does not have and syncs it with success.
func TestPowerCutAfterAFailedSync(t *testing.T) {
	points, looked := cuts()/5, int64(0)
	kinds := []faults.Kind{faults.Sync, faults.SyncFolder, faults.SyncAll, faults.SyncLog, faults.SyncDatabase}
	if raced {
		kinds = kinds[3:4]
	}
	cases := 2 * len(kinds)
	perLog := min(max(points/cases, 4), 100)
	for seed := uint64(1); points > 0 && !t.Failed(); seed++ {
		for _, k := range kinds {
			for _, times := range []int{1 + int(seed)%2, forever} {
				f := faults.Fault{Kind: k, From: 1 + int(seed*seed)%7, Times: times, Err: unix.EIO}
				l, from := recordFailed(t, f, seed)
				s := &search{t: t, log: l, from: from, points: perLog, seed: seed, verify: afterCut(t), about: f.String()}
				s.run()
				points -= s.points
				looked += s.looked.Load()
			}
		}
	}
	t.Logf("%d cut points", looked)
}

// S1 to S8, Q1, Q5, and that every 250 is there once: when the power is cut again
// while the store comes up after a cut, files what it finds and mirrors.
func TestPowerCutTwice(t *testing.T) {
	const again = 6 // for each first cut
	points := max(cuts()/5/again, 2)
	defer store.Hurried()()
	l := record(t, 4, 40, 99, nil)
	s := &search{t: t, log: l, points: points, seed: 1, verify: cutAgain(t, again)}
	s.run()
	t.Logf("%d cut points, %d cuts after each", s.looked.Load(), again)
}

// cutAgain records what a store does when it comes up on the disk of a cut, and
// looks at what more cuts leave of that.
func cutAgain(t testing.TB, times int) func(string, *powercut.Log, int, powercut.Model) error {
	look := afterCut(t)
	return func(dir string, l *powercut.Log, cut int, m powercut.Model) error {
		up, err := recordRecovery(t, dir)
		if err != nil {
			return err
		}
		second := dir + "-again"
		replay := powercut.NewReplay(up, m, uint64(cut))
		for i := range times {
			at := (i + 1) * up.Len() / times
			replay.To(at)
			err := replay.Write(second, uint64(cut+i))
			if err == nil {
				err = look(second, l, cut, m)
			}
			if e := os.RemoveAll(second); err == nil {
				err = e
			}
			if err != nil {
				return fmt.Errorf("cut again at %d of %d: %w\nafter\n%s", at, up.Len(), err, up.Before(at, 12))
			}
		}
		return nil
	}
}

func recordRecovery(t testing.TB, dir string) (*powercut.Log, error) {
	rec, err := powercut.Record(dir, maildir.System{}, 0)
	if err != nil {
		return nil, err
	}
	s, err := store.Open(t.Context(), dir, maildir.NewOn(rec, dir), store.Options{Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = s.Reflect(t.Context())
	}
	if err == nil {
		err = s.PurgeAt(t.Context(), later())
	}
	if err == nil {
		err = s.Close()
	}
	return rec.Stop(), err
}
