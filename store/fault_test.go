package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"posthorn/internal/db"
	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/faults"
	"posthorn/store/maildir"
)

// faultsVariable says up to which call of each kind one is made to fail (300 take
// some minutes); without it a few are.
const faultsVariable = "POSTHORN_FAULTS"

// suffering is a load that goes on when the store fails: the worker that met the
// error ends, knowing what it was about, and another takes its place.
type suffering struct {
	load
	numbers atomic.Int64
	stop    atomic.Bool

	mu    sync.Mutex
	ended []*worker
	met   []error
}

func (l *suffering) run(n int, seed uint64) {
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for !l.stop.Load() {
				number := l.numbers.Add(1)
				w := &worker{load: &l.load, number: int(number), rng: rand.New(rand.NewPCG(seed, uint64(number))),
					has: make(world), queued: make(map[string]store.DeliveryID)}
				l.end(w, w.until(&l.stop))
				time.Sleep(time.Millisecond) // the mender has its turn
			}
		})
	}
	all.Go(func() {
		for !l.stop.Load() {
			_ = l.PurgeAt(l.ctx, later()) // what it meets is the fault's; what it leaves is looked at
			time.Sleep(2 * time.Millisecond)
		}
	})
	all.Wait()
}

// until works until it is told to stop, or something fails.
func (w *worker) until(stop *atomic.Bool) error {
	for !stop.Load() {
		if err := w.run(); err != nil {
			return err
		}
	}
	return nil
}

func (l *suffering) end(w *worker, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w.failed = err
	if err != nil && !errors.Is(err, db.ErrBroken) {
		w.word(said{Worker: w.number, Failed: true})
	}
	l.ended = append(l.ended, w)
	if err != nil {
		l.met = append(l.met, err)
	}
}

// TestFaultsUnderLoad (S1, S2, S3, S8): whichever call of whichever kind fails,
// with EIO, on a full disk, or half done, while others deliver, copy, move,
// expunge, settle and purge: what was answered is there, what failed left no row
// and no file, and the store comes back by itself.
func TestFaultsUnderLoad(t *testing.T) {
	few := []int{1, 7}
	if raced {
		few = few[:1]
	}
	if most, err := strconv.Atoi(os.Getenv(faultsVariable)); err == nil {
		few = nil
		for n := 1; n <= most; n += 1 + n/10 {
			few = append(few, n)
		}
	}
	for _, k := range faults.Kinds {
		for i, n := range few {
			for j, f := range []faults.Fault{
				{Err: unix.EIO, Times: 1},
				{Err: unix.ENOSPC, Times: 3},
				{Err: unix.ENOSPC, Times: 2, Short: true},
			} {
				if f.Short && k != faults.Write && k != faults.WriteLog && k != faults.WriteDatabase {
					continue
				}
				if len(few) <= 2 && (i+j)%2 > 0 {
					continue
				}
				f.Kind, f.From = k, n
				t.Run(f.String(), func(t *testing.T) { suffer(t, f) })
			}
		}
	}
}

func suffer(t *testing.T, fault faults.Fault) {
	defer store.Hurried()()
	root := filepath.Join(onMemory(t), "data")
	ok(t, os.Mkdir(root, 0o700))
	disk, err := faults.On(root, maildir.System{})
	ok(t, err)
	defer disk.Remove()
	var j journal
	s, err := store.Open(t.Context(), root, maildir.NewOn(disk.Content(), root), store.Options{Log: j.log()})
	ok(t, err)
	defer func() { s.Close() }()
	l := &suffering{load: load{Store: s, say: func(string) {}, steps: 1, ctx: t.Context()}}
	ok(t, l.begin(2))
	disk.Set(withCause(fault)...)
	var all sync.WaitGroup
	all.Go(func() { l.run(3, 1) })
	for began := time.Now(); !disk.Over() && time.Since(began) < 3*time.Second; {
		time.Sleep(time.Millisecond) // of load, until the fault has come
	}
	disk.End()
	switch failed := disk.Failed(fault.Kind); {
	case failed == 0 && fault.From == 1:
		t.Error("the load makes no such call")
	case failed == 0:
		t.Log("the load makes fewer such calls")
	}
	comesBack(t, s, l.accounts[0].ID)
	l.stop.Store(true)
	all.Wait()
	t.Logf("%d workers of %d ended by an error", len(l.met), len(l.ended))
	s.Halt()
	ok(t, errors.Join(l.judge(t, s, fault)))
	ok(t, s.Close())
	s, err = store.Open(t.Context(), root, maildir.New(root), store.Options{Log: slog.New(slog.DiscardHandler)})
	ok(t, err)
	ok(t, l.judge(t, s, faults.Fault{}))
	ok(t, s.Close()) // it files what it found unfiled
	if left, _ := filepath.Glob(filepath.Join(root, "tmp", "*")); len(left) > 0 {
		t.Errorf("staging has %q", left)
	}
}

// withCause is a fault, and what makes the store do such calls: it opens its
// databases for good when it starts, and again only to come back.
func withCause(f faults.Fault) []faults.Fault {
	if f.Kind == faults.OpenDatabase {
		return []faults.Fault{f, {Kind: faults.SyncLog, From: 1, Times: 3, Err: unix.EIO}}
	}
	return []faults.Fault{f}
}

// comesBack waits until the store takes a message again, as it must without being
// asked.
func comesBack(t *testing.T, s *store.Store, a store.AccountID) {
	t.Helper()
	began := time.Now()
	for n := 0; ; n++ {
		err := deliverOne(t.Context(), s, a, fmt.Sprintf("w0-%d", n))
		if err == nil {
			return
		}
		if time.Since(began) > 20*time.Second {
			t.Fatalf("the fault is over, and still: %v", err)
		}
		time.Sleep(time.Millisecond) // the mender runs by itself
	}
}

func deliverOne(ctx context.Context, s *store.Store, a store.AccountID, token string) error {
	b, err := s.Put(ctx, &mail.Mail{Content: mail.Bytes(tokenText(token, 300))})
	if err != nil {
		return err
	}
	if _, err = s.Commit(ctx, store.Change{Append: []store.Incoming{{Blob: b, Account: a, Role: store.RoleInbox}}}); err != nil {
		s.Discard(b)
	}
	return err
}

// judge compares the store with what workers were told. Only a commit of unknown
// outcome may have happened though it failed.
func (l *suffering) judge(t *testing.T, s *store.Store, fault faults.Fault) error {
	errs := checked(t, s, func(store.Problem) bool { return fault.Kind == faults.Remove })
	f, err := look(t, s)
	errs = append(errs, err)
	if f == nil {
		return errors.Join(errs...)
	}
	for _, w := range l.ended {
		is := f.worlds[w.number]
		if is == nil {
			is = make(world)
		}
		if maps.Equal(is, w.has) || errors.Is(w.failed, db.ErrBroken) && maps.Equal(is, w.about) {
			continue
		}
		errs = append(errs, fmt.Errorf("worker %d: %v differs from what was told; it ended by %v", w.number, difference(w.has, is), w.failed))
	}
	return errors.Join(errs...)
}
