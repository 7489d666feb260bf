package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/maildir"
	"posthorn/store/storetest"
)

// setUpOn gives a store on a disk of its own, which is small.
func setUpOn(t *testing.T, options string) *fixture {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	dir := t.TempDir()
	if err := unix.Mount("posthorn-test", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("no small disk can be mounted here: %v", err)
	}
	t.Cleanup(func() { // after the store is closed
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	f := &fixture{t: t, dir: filepath.Join(dir, "data")}
	f.open()
	ok(t, f.AddDomain(t.Context(), store.Domain{Name: "example.test", Admin: "admin@example.test"}))
	f.a = f.account("alice", store.Quota{})
	return f
}

// try delivers a message of about size octets.
func (f *fixture) try(size int) error {
	content := "Subject: large\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", size/72)
	b, err := f.Put(f.t.Context(), &mail.Mail{Content: mail.Bytes(content)})
	if err != nil {
		return err
	}
	defer f.Discard(b)
	return f.commit(b)
}

// A disk that is really full: nothing is answered with success, nothing is half
// written, what is there can be read, and with space again the store goes on by
// itself.
func TestDiskIsReallyFull(t *testing.T) {
	for _, c := range []struct {
		name, options string
		sizes         []int
		fill          func(t *testing.T, dir string) // leaves nothing but what a message needs
	}{
		{"octets", "size=24m", []int{256 << 10, 16 << 10, 72}, func(t *testing.T, dir string) {
			ok(t, os.MkdirAll(dir, 0o700))
			ok(t, os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 12<<20), 0o600))
		}},
		{"inodes", "size=64m,nr_inodes=400", []int{256 << 10, 40 << 10}, func(t *testing.T, dir string) {
			ok(t, os.MkdirAll(dir, 0o700))
			for i := range 200 {
				ok(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o600))
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := setUpOn(t, c.options)
			ballast := filepath.Join(filepath.Dir(f.dir), "ballast")
			c.fill(t, ballast)
			kept := int64(0)
			for _, size := range c.sizes { // to the last block
				refused := 0
				for tries := 0; refused < 5; tries++ {
					if tries > 5000 {
						t.Fatal("the disk does not fill up")
					}
					switch err := f.try(size); {
					case err == nil:
						kept++
					case errors.Is(err, store.ErrNoSpace):
						refused++
					default:
						t.Fatalf("message %d of %d octets: %v", kept+1, size, err)
					}
				}
			}
			is(t, f.Space(1<<20), store.ErrNoSpace)
			if c.name == "inodes" {
				ok(t, f.try(72)) // small content needs none until it is filed
				kept++
			}
			t.Logf("%d messages were answered for", kept)
			if kept == 0 || f.messages() != kept {
				t.Errorf("%d messages, %d were answered for", f.messages(), kept)
			}
			f.text(f.box("INBOX"), 1)
			f.clean(t)
			ok(t, os.RemoveAll(ballast))
			ok(t, f.Space(1<<20))
			ok(t, f.try(256<<10))
			ok(t, f.Reflect(t.Context()))
			f.clean(t)
			f.reopen()
			for uid := range kept + 1 {
				f.text(f.box("INBOX"), store.UID(uid+1))
			}
			storetest.Clean(t, f.Store)
		})
	}
}

// A store is opened on a full disk, read and written to a little, in the room that it
// has kept. Without that it says so, and is opened when there is room.
func TestOpenOnAFullDisk(t *testing.T) {
	f := setUpOn(t, "size=24m")
	ok(t, f.try(72))
	ok(t, f.Close())
	ballast := filepath.Join(filepath.Dir(f.dir), "ballast")
	ok(t, os.WriteFile(ballast, nil, 0o600))
	for block := make([]byte, os.Getpagesize()); ; {
		b, err := os.OpenFile(ballast, os.O_WRONLY|os.O_APPEND, 0)
		ok(t, err)
		_, err = b.Write(block)
		ok(t, b.Close())
		if err != nil {
			break
		}
	}
	for range 2 { // what the first one has used the second has again
		f.open()
		f.text(f.box("INBOX"), 1)
		_, err := f.box("INBOX").Expunge(t.Context(), nil, true)
		ok(t, err)
		f.clean(t)
		ok(t, f.Close())
	}
	// As a program leaves it that kept nothing for this.
	for _, name := range []string{"posthorn.db-wal", "posthorn.db-shm"} {
		i, err := os.Stat(filepath.Join(f.dir, name))
		ok(t, err)
		ok(t, os.Remove(filepath.Join(f.dir, name)))
		b, err := os.OpenFile(ballast, os.O_WRONLY|os.O_APPEND, 0)
		ok(t, err)
		_, err = b.Write(make([]byte, i.Size()))
		ok(t, errors.Join(err, b.Close()))
	}
	s, err := store.Open(t.Context(), f.dir, maildir.New(f.dir), store.Options{})
	if err == nil {
		ok(t, s.Close())
		t.Fatal("the store was opened without room for the log")
	}
	if !strings.Contains(err.Error(), "no space left on") {
		t.Errorf("open on a full disk: %v", err)
	}
	ok(t, os.Remove(ballast))
	f.open()
	f.text(f.box("INBOX"), 1)
	f.clean(t)
}

// The disk fills up while the mirror, flags and expunges are at work as well:
// they too fail with ErrNoSpace or not at all, and what was answered for holds.
func TestFullDiskUnderOtherWrites(t *testing.T) {
	f := setUpOn(t, "size=24m")
	for range 50 {
		ok(t, f.try(4<<10))
	}
	ballast := filepath.Join(filepath.Dir(f.dir), "ballast")
	b, err := os.Create(ballast)
	ok(t, err)
	for block := make([]byte, 4096); err == nil; { // to the last one
		_, err = b.Write(block)
	}
	is(t, err, unix.ENOSPC)
	ok(t, b.Close())
	m := f.box("INBOX")
	failed := 0
	for i := 0; failed < 100 && i < 5000; i++ { // the log's own room first
		uids := []store.UID{store.UID(i%50 + 1)}
		_, _, err := m.SetFlags(t.Context(), uids, []store.SetOp{store.FlagsAdd, store.FlagsRemove}[i/50%2], store.FlagSeen, []string{fmt.Sprintf("k%d", i%50)}, -1)
		if err != nil {
			is(t, err, store.ErrNoSpace)
			failed++
		}
	}
	if failed < 100 {
		t.Error("a full disk took every change")
	}
	ok(t, os.Remove(ballast))
	began := time.Now()
	for err = f.try(4 << 10); err != nil && time.Since(began) < 10*time.Second; err = f.try(4 << 10) {
		time.Sleep(time.Millisecond) // the mender runs by itself
	}
	ok(t, err)
	ok(t, f.Reflect(t.Context()))
	f.clean(t)
	f.reopen()
	storetest.Clean(t, f.Store)
}
