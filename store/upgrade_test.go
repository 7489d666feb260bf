package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

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

// What was recorded before events could be found by address is found after the
// upgrade: by queue id, addresses and Message-ID, on the day it happened.
func TestUpgradeOfEvents(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	at := time.Now().AddDate(0, 0, -3)
	insert := func(kind string, after time.Duration) string {
		return fmt.Sprintf(`INSERT INTO events (at, kind, item, session, message_id, sender, recipient, mta, status, took)
			VALUES (%d, '%s', 7, 'OLDONE', 'old@away.test', 'Bob@Away.test', 'alice@example.test', 'mx.away.test', '250 2.0.0 Ok', 5000)`, at.Add(after).UnixNano(), kind)
	}
	ok(t, store.MakeOld(ctx, dir, store.BeforeEvents, insert("accepted", 0), insert("deferred", time.Minute), insert("delivered", time.Hour)))
	s, err := store.Open(ctx, dir, maildir.New(dir), store.Options{})
	ok(t, err)
	life, err := s.Events(ctx, "oldone", 0, 9)
	ok(t, err)
	if len(life) != 3 || life[1].Kind != "deferred" || !life[0].At.Equal(at.Round(0)) || life[2].Took != 5000 || life[2].MTA != "mx.away.test" {
		t.Errorf("its life is %+v", life)
	}
	for _, l := range []store.Leads{{Address: "bob@away.test"}, {Address: "ALICE@example.test"}, {MessageID: "old@away.test"}, {Address: "bob@away.test", Since: at.Add(-time.Hour)}} {
		l.Limit = 9
		found, err := s.Lead(ctx, l)
		ok(t, err)
		if len(found) == 0 || found[len(found)-1].Session != "OLDONE" {
			t.Errorf("%+v finds %+v", l, found)
		}
		for _, e := range found {
			if e.Kind == "deferred" {
				t.Errorf("%+v finds an attempt", l)
			}
		}
	}
	ok(t, s.PurgeAt(ctx, at.Add(store.EventsKept+2*time.Hour)))
	if life, err = s.Events(ctx, "oldone", 0, 9); err != nil || len(life) != 0 {
		t.Errorf("after thirty days: %+v, %v", life, err)
	}
	ok(t, s.Close())
}
