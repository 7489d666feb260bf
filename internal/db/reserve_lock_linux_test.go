package db

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// SQLite holds a lock on the file of the log's index for as long as a database is
// open; another program that finds none takes the file for its own and cuts it. A
// process loses such a lock when it closes any descriptor of the file.
func TestReserveKeepsTheIndexLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	d, err := Open(t.Context(), path, testSchema, Options{Reserve: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	f, err := os.Open(path + "-shm")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const held = 128 // https://sqlite.org/walformat.html: behind the eight locks from 120 on
	l := unix.Flock_t{Type: unix.F_WRLCK, Start: held, Len: 1}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &l); err != nil {
		t.Fatal(err)
	}
	if l.Type != unix.F_RDLCK {
		t.Errorf("the lock of an open index is of type %d, want a shared one", l.Type)
	}
}

// A log that was emptied because a COMMIT has failed gets its room back.
func TestReopenReservesAgain(t *testing.T) {
	const reserve = 1 << 20
	fails := true
	path := filepath.Join(t.TempDir(), "x.db")
	d, err := Open(t.Context(), path, testSchema, Options{Reserve: reserve, Point: func(step string) error {
		if fails && step == PointCommit {
			return unix.EIO
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Commit(t.Context(), 0, insert("a")); !errors.Is(err, ErrBroken) {
		t.Fatal(err)
	}
	fails = false
	if err := d.Reopen(t.Context(), func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if i, err := os.Stat(path + "-wal"); err != nil || i.Size() != reserve {
		t.Errorf("the log has %d octets, %v", i.Size(), err)
	}
}
