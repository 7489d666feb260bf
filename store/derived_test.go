package store_test

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"posthorn/store"
)

// copyDatabase copies the database of a store in which nothing happens.
func copyDatabase(t *testing.T, from, to string) {
	t.Helper()
	for _, end := range []string{"", "-wal"} {
		os.Remove(filepath.Join(to, store.DatabaseName+end))
		src, err := os.Open(filepath.Join(from, store.DatabaseName+end))
		if os.IsNotExist(err) {
			continue
		}
		ok(t, err)
		dst, err := os.Create(filepath.Join(to, store.DatabaseName+end))
		ok(t, err)
		_, err = io.Copy(dst, src)
		ok(t, err)
		ok(t, src.Close())
		ok(t, dst.Close())
	}
}

// An older database that is put back gives UIDs again that the derived file
// knows: it must not speak of them.
func TestOlderDatabaseDoesNotMeetItsDerivedFile(t *testing.T) {
	for _, sameOpening := range []bool{false, true} {
		f := setUp(t)
		f.Halt()
		f.fill(0, 3)
		backup := t.TempDir()
		copyDatabase(t, f.dir, backup)
		if !sameOpening {
			f.reopen()
			f.Halt()
		}
		f.fill(100, 100+2*store.BlockUIDs) // letters 101 and on have UIDs 4 and on
		ok(t, f.Derive(t.Context()))
		if !sameOpening {
			f.reopen() // the number on both sides is new
			f.Halt()
		}
		ok(t, f.Close())
		copyDatabase(t, backup, f.dir)
		os.Remove(filepath.Join(f.dir, store.DatabaseName+"-shm"))
		f.open()
		f.Halt()
		f.fill(3, 3+2*store.BlockUIDs)
		for _, x := range f.facts(uidsTo(3+2*store.BlockUIDs), wantAll) {
			f.checkFact(x, true)
		}
	}
}

// A derived file that is lost, cut or damaged is made again and never an answer.
func TestDerivedFileMayBreak(t *testing.T) {
	path := func(f *fixture) string { return filepath.Join(f.dir, "derived.db") }
	change := func(f *fixture, fn func([]byte) []byte) {
		b, err := os.ReadFile(path(f))
		ok(t, err)
		ok(t, os.WriteFile(path(f), fn(b), 0o600))
	}
	const n = 3*store.BlockUIDs + 7
	whole := setUp(t)
	whole.Halt()
	whole.fill(0, n)
	ok(t, whole.Derive(t.Context()))
	ok(t, whole.Close())
	for name, damage := range map[string]func(f *fixture){
		"lost":     func(f *fixture) { ok(t, os.Remove(path(f))) },
		"nonsense": func(f *fixture) { change(f, func(b []byte) []byte { return make([]byte, len(b)) }) },
		"cut":      func(f *fixture) { change(f, func(b []byte) []byte { return b[:len(b)/2] }) },
		"flipped bytes": func(f *fixture) {
			change(f, func(b []byte) []byte {
				for i := 5000; i < len(b); i += 777 {
					b[i] ^= 0x55
				}
				return b
			})
		},
		"empty pages": func(f *fixture) {
			change(f, func(b []byte) []byte {
				for i := 4096; i < len(b); i += 3 * 4096 {
					clear(b[i : i+4096])
				}
				return b
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := whole.copy(t)
			damage(f)
			f.open()
			f.Halt()
			for _, x := range f.facts(uidsTo(n), wantAll) {
				f.checkFact(x, true)
			}
			f.reopen() // what was found damaged is thrown away
			ok(t, f.Derive(t.Context()))
			for _, x := range f.facts(uidsTo(n), wantAll) {
				f.checkFact(x, true)
			}
		})
	}
}

// waitFor polls what a goroutine of the store's own arrives at.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 2000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal(what)
}

// The deriver is woken by deliveries, and goes on after an end at any moment.
func TestDeriverWorksByItself(t *testing.T) {
	f := setUp(t)
	through := func() int64 {
		n, err := f.DerivedNumber(t.Context(), `SELECT coalesce(max(through), 0) FROM marks`)
		ok(t, err)
		return n
	}
	const n = 2*store.BlockUIDs + 1
	f.fill(0, 5)
	waitFor(t, "nothing is derived", func() bool { return through() == 5 })
	f.fill(5, n)
	f.reopen() // in the midst of it
	waitFor(t, "it does not go on", func() bool { return through() == n })
	f.Halt() // else it writes content again
	f.loseContent()
	for _, x := range f.facts(uidsTo(n), wantAll) {
		f.checkFact(x, true)
	}
}

// A derivation sees each message once, also after an end between two units; a
// panic over one message costs that message alone.
func TestDerivationSeesEachMessageOnce(t *testing.T) {
	f := setUp(t)
	f.Halt()
	f.fill(0, 10)
	ok(t, f.Derive(t.Context())) // it is added later
	seen, restore := store.Panicking(func(u store.UID) bool { return u == 7 })
	defer restore()
	f.fill(10, 20)
	ok(t, f.Derive(t.Context()))
	f.reopen()
	f.Halt()
	f.fill(20, store.BlockUIDs+3)
	ok(t, f.Derive(t.Context()))
	want := slices.DeleteFunc(uidsTo(store.BlockUIDs+3), func(u store.UID) bool { return u == 7 })
	if !slices.Equal(seen(), want) {
		t.Errorf("seen %v", seen())
	}
}
