package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"posthorn/store"
	"posthorn/store/maildir"
)

// crowded is a disk on which there is hardly any space.
type crowded struct{ *maildir.Blobs }

func (crowded) Space() (int64, error) { return 1 << 10, nil }

// An upgrade keeps a copy and says so; where the disk has no room for it, the
// older program can go on.
func TestUpgradeIsToldAndHasRoom(t *testing.T) {
	dir := t.TempDir()
	ok(t, store.MakeOld(t.Context(), dir, 1))
	copied := filepath.Join(dir, store.DatabaseName+".v1")
	var j journal
	options := store.Options{Log: j.log()}

	if _, err := store.Open(t.Context(), dir, crowded{maildir.New(dir)}, options); !errors.Is(err, store.ErrNoSpace) {
		t.Fatal("on a full disk:", err)
	}
	if _, err := os.Stat(copied); !os.IsNotExist(err) || j.count("copy=") != 0 {
		t.Error("a copy was begun:", err)
	}
	for range 2 { // the second time there is nothing to upgrade
		s, err := store.Open(t.Context(), dir, maildir.New(dir), options)
		ok(t, err)
		ok(t, s.Close())
	}
	if _, err := os.Stat(copied); err != nil || j.count("copy="+copied) != 1 {
		t.Errorf("%v, told %d times", err, j.count("copy="+copied))
	}
}

// What can be made again does not take the space that mail needs.
func TestDerivedFileLeavesRoomForMail(t *testing.T) {
	f := setUp(t)
	f.Halt()
	f.fill(0, 3)
	ok(t, f.Close())
	for _, c := range []struct {
		blobs store.Blobs
		want  error
	}{{crowded{maildir.New(f.dir)}, store.ErrNoSpace}, {maildir.New(f.dir), nil}} {
		s, err := store.Open(t.Context(), f.dir, c.blobs, store.Options{})
		ok(t, err)
		s.Halt()
		if err := s.Derive(t.Context()); !errors.Is(err, c.want) {
			t.Errorf("derive: %v, want %v", err, c.want)
		}
		kept, err := s.DerivedNumber(t.Context(), `SELECT count(*) FROM loose`)
		ok(t, err)
		if want := map[bool]int64{true: 0, false: 3}[c.want != nil]; kept != want {
			t.Errorf("%d digests, want %d", kept, want)
		}
		ok(t, s.Close())
	}
}
