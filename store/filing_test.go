package store_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/storetest"
)

// unfiled holds how many contents are in memory's and in the database's books.
func (f *fixture) unfiled(want int64) {
	f.t.Helper()
	rows, err := f.Number(f.t.Context(), `SELECT count(*) FROM unfiled`)
	ok(f.t, err)
	if n, octets := f.Unfiled(); int64(n) != want || rows != want || want == 0 && octets != 0 {
		f.t.Errorf("%d contents of %d octets are unfiled, %d are in the database, want %d", n, octets, rows, want)
	}
}

// numberOf counts rows.
func (f *fixture) numberOf(table string) int64 {
	f.t.Helper()
	n, err := f.Number(f.t.Context(), `SELECT count(*) FROM `+table)
	ok(f.t, err)
	return n
}

func (f *fixture) idOf(name string) store.MailboxID {
	f.t.Helper()
	b, err := f.box(name).Box(f.t.Context())
	ok(f.t, err)
	return b.ID
}

// Small content is in the database with its rows, can be read at once, and gets
// its file, under its final name, without anybody asking.
func TestSmallContentIsFiled(t *testing.T) {
	f := setUp(t)
	f.Halt()
	f.deliver(hello, store.FlagSeen)
	if got := f.files(); len(got) != 0 {
		t.Errorf("files before filing: %q", got)
	}
	f.unfiled(1)
	read := func() {
		t.Helper()
		if text := f.text(f.box("INBOX"), 1); !strings.HasSuffix(text, hello) {
			t.Errorf("reads %q", text)
		}
		storetest.Clean(t, f.Store)
	}
	read()
	ok(t, f.File(t.Context()))
	f.unfiled(0)
	if got := f.files(); !slices.Equal(got, []string{". U=1:2,S"}) {
		t.Errorf("files %q", got)
	}
	read()
	f.reopen()
	f.deliver(hello, 0)
	for range 1000 { // it files by itself
		if len(f.files()) == 2 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("nothing files")
}

// Content above the limit, and any content while too much is unfiled, syncs a
// file of its own.
func TestOtherContentSyncsItsOwnFile(t *testing.T) {
	f := setUp(t)
	f.Halt()
	f.deliver(big, 0)
	f.unfiled(0)
	give := f.NoRoom()
	f.deliver(hello, 0)
	give()
	f.unfiled(0)
	f.deliver(strings.Repeat("x", store.InlineLimit-17), 0) // with the Return-Path
	f.unfiled(1)
	f.deliver(strings.Repeat("x", store.InlineLimit-16), 0)
	f.unfiled(1)
	if n := len(f.files()); n != 3 {
		t.Errorf("%d files", n)
	}
	storetest.Clean(t, f.Store)
}

// One content for several places is one inode.
func TestFiledContentIsOneInode(t *testing.T) {
	f := setUp(t)
	f.Halt()
	bob := f.account("bob", store.Quota{})
	b := f.put(hello)
	_, err := f.Commit(t.Context(), store.Change{Append: []store.Incoming{
		{Blob: b, Account: f.a.ID}, {Blob: b, Account: f.a.ID, Role: store.RoleArchive}, {Blob: b, Account: bob.ID},
	}})
	ok(t, err)
	f.unfiled(1)
	ok(t, f.File(t.Context()))
	var all []os.FileInfo
	for _, pattern := range []string{f.a.Dir + "/Maildir/cur/*", f.a.Dir + "/Maildir/.Archive/cur/*", bob.Dir + "/Maildir/cur/*"} {
		found, err := filepath.Glob(filepath.Join(f.dir, "accounts", pattern))
		ok(t, err)
		if len(found) != 1 {
			t.Fatalf("%s: %q", pattern, found)
		}
		st, err := os.Stat(found[0])
		ok(t, err)
		if all = append(all, st); !os.SameFile(st, all[0]) {
			t.Errorf("%s is a copy", pattern)
		}
	}
	storetest.Clean(t, f.Store)
}

// Nothing that was written before a failed sync is trusted (S3).
func TestFailedSyncOfFiledContent(t *testing.T) {
	f, blobs := setUpFailing(t)
	f.Halt()
	f.deliver(hello, 0)
	disk := errors.New("input/output error")
	blobs.syncAll.Store(&disk)
	is(t, f.File(t.Context()), disk)
	f.unfiled(1)
	ok(t, os.Truncate(f.content(), 3)) // what the disk kept of it
	if text := f.text(f.box("INBOX"), 1); !strings.HasSuffix(text, hello) {
		t.Errorf("reads %q", text)
	}
	ok(t, f.File(t.Context()))
	if n := blobs.written.Load(); n != 2 {
		t.Errorf("written %d times", n)
	}
	f.unfiled(0)
	f.text(f.box("INBOX"), 1)
	f.clean(t)
}

// A disk that is full for files holds up no mail that the database has room for.
func TestContentWaitsForItsFile(t *testing.T) {
	var j journal
	f, blobs := setUpFailing(t, j.log())
	full := store.ErrNoSpace
	blobs.write.Store(&full)
	for i := range 3 {
		f.deliver(fmt.Sprintf("Subject: %d\r\n\r\n", i), 0)
	}
	for range 1000 {
		if j.count("filing content") > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if n := j.count("filing content"); n != 1 {
		t.Errorf("the log is told %d times", n)
	}
	f.unfiled(3)
	for uid := range store.UID(3) {
		f.text(f.box("INBOX"), uid+1)
	}
	storetest.Clean(t, f.Store)
	blobs.write.Store(nil)
	for range 2000 { // it tries again by itself
		if found, _ := filepath.Glob(filepath.Join(f.dir, "accounts", f.a.Dir, "Maildir/cur/*")); len(found) == 3 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	ok(t, f.File(t.Context()))
	f.unfiled(0)
	f.clean(t)
}

// What the process before this one has left is written again, over whatever the
// disk has of it, wherever its file has gone.
func TestUnfiledContentSurvivesARestart(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(f *fixture, blobs *failing) // after a file has been written, not synced
		file   string
	}{
		{"the file is whole", func(*fixture, *failing) {}, ". U=1:2,"},
		{"the file is missing", func(f *fixture, _ *failing) { ok(f.t, os.Remove(f.content())) }, ". U=1:2,"},
		{"the file is cut", func(f *fixture, _ *failing) { ok(f.t, os.Truncate(f.content(), 2)) }, ". U=1:2,"},
		{"the file has other octets", func(f *fixture, _ *failing) {
			ok(f.t, os.WriteFile(f.content(), make([]byte, len(hello)+17), 0o600))
		}, ". U=1:2,"},
		{"the file has an old name", func(f *fixture, _ *failing) {
			_, _, err := f.box("INBOX").SetFlags(f.t.Context(), []store.UID{1}, store.FlagsSet, store.FlagSeen, []string{"k"}, -1)
			ok(f.t, err)
		}, ". U=1:2,Sa"},
		{"the message has moved", func(f *fixture, _ *failing) {
			_, err := f.box("INBOX").Move(f.t.Context(), []store.UID{1}, f.idOf("Archive"), store.AllFlags)
			ok(f.t, err)
		}, ".Archive U=1:2,"},
		{"the message has moved and has no file", func(f *fixture, _ *failing) {
			ok(f.t, os.Remove(f.content()))
			_, err := f.box("INBOX").Move(f.t.Context(), []store.UID{1}, f.idOf("Archive"), store.AllFlags)
			ok(f.t, err)
		}, ".Archive U=1:2,"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, blobs := setUpFailing(t)
			f.Halt()
			f.deliver(hello, 0)
			disk := errors.New("input/output error")
			blobs.syncAll.Store(&disk)
			is(t, f.File(t.Context()), disk)
			c.before(f, blobs)
			ok(t, f.Close())
			f.open()
			f.Halt()
			ok(t, f.File(t.Context()))
			f.unfiled(0)
			ok(t, f.Reflect(t.Context()))
			if got := f.files(); !slices.Equal(got, []string{c.file}) {
				t.Errorf("files %q, want %q", got, c.file)
			}
			box := "INBOX"
			if strings.Contains(c.name, "moved") {
				box = "Archive"
			}
			if text := f.text(f.box(box), 1); !strings.HasSuffix(text, hello) {
				t.Errorf("reads %q", text)
			}
			storetest.Clean(t, f.Store)
		})
	}
}

// What happens to a message before its file is written.
func TestUnfiledContentThroughEveryChange(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(f *fixture, bob store.Account)
		files []string // of alice, in the end
	}{
		{"copied", func(f *fixture, _ store.Account) {
			_, err := f.box("INBOX").Copy(f.t.Context(), []store.UID{1}, f.idOf("Trash"), store.AllFlags)
			ok(f.t, err)
			f.unfiled(2)
			f.text(f.box("Trash"), 1)
		}, []string{". U=1:2,", ".Trash U=1:2,"}},
		{"moved", func(f *fixture, _ store.Account) {
			_, err := f.box("INBOX").Move(f.t.Context(), []store.UID{1}, f.idOf("Trash"), store.AllFlags)
			ok(f.t, err)
			f.text(f.box("Trash"), 1)
		}, []string{".Trash U=1:2,"}},
		{"moved to another account", func(f *fixture, bob store.Account) {
			m, err := f.Mailbox(f.t.Context(), bob.ID, "INBOX")
			ok(f.t, err)
			b, err := m.Box(f.t.Context())
			ok(f.t, err)
			_, err = f.box("INBOX").Move(f.t.Context(), []store.UID{1}, b.ID, store.AllFlags)
			ok(f.t, err)
			f.text(m, 1)
			f.purge(later())
		}, nil},
		{"flagged", func(f *fixture, _ store.Account) {
			_, _, err := f.box("INBOX").SetFlags(f.t.Context(), []store.UID{1}, store.FlagsSet, store.FlagSeen, []string{"k"}, -1)
			ok(f.t, err)
		}, []string{". U=1:2,Sa"}},
		{"expunged and purged", func(f *fixture, _ store.Account) {
			_, err := f.box("INBOX").Expunge(f.t.Context(), []store.UID{1}, true)
			ok(f.t, err)
			f.text(f.box("INBOX"), 1) // a view may still show it
			f.purge(later())
			f.unfiled(0)
		}, nil},
		{"its mailbox renamed", func(f *fixture, _ store.Account) {
			_, err := f.box("INBOX").Move(f.t.Context(), []store.UID{1}, f.idOf("Archive"), store.AllFlags)
			ok(f.t, err)
			ok(f.t, f.RenameMailbox(f.t.Context(), f.a.ID, "Archive", "Old"))
			f.text(f.box("Old"), 1)
		}, []string{".Old U=1:2,"}},
		{"its mailbox deleted", func(f *fixture, _ store.Account) {
			_, err := f.box("INBOX").Move(f.t.Context(), []store.UID{1}, f.idOf("Archive"), store.AllFlags)
			ok(f.t, err)
			ok(f.t, f.DeleteMailbox(f.t.Context(), f.a.ID, "Archive"))
			f.purge(time.Now())
			f.purge(later())
			f.unfiled(0)
		}, nil},
		{"its account removed", func(f *fixture, bob store.Account) {
			ok(f.t, f.RemoveAccount(f.t.Context(), f.a.ID))
			f.purge(time.Now())
			f.purge(later())
			f.purge(later())
			f.unfiled(0)
			if _, err := os.Stat(filepath.Join(f.dir, "accounts", f.a.Dir)); err == nil {
				f.t.Error("the account's folder stays")
			}
			f.a = bob // whose files are looked at
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, when := range []string{"at once", "after a restart"} {
				f := setUp(t)
				f.Halt()
				bob := f.account("bob", store.Quota{})
				f.deliver(hello, 0)
				if when == "after a restart" {
					// The names are those of the rows.
					f.Abandon()
					f.open()
					f.Halt()
				}
				c.do(f, bob)
				storetest.Clean(t, f.Store)
				ok(t, f.Reflect(t.Context()))
				ok(t, f.Reflect(t.Context())) // the files that had to follow a folder
				f.unfiled(0)
				if got := f.files(); !slices.Equal(got, c.files) {
					t.Errorf("%s: files %q, want %q", when, got, c.files)
				}
				storetest.Clean(t, f.Store)
			}
		})
	}
}

func (f *fixture) spool(n int) store.ItemID {
	f.t.Helper()
	c := store.Change{Spool: []store.Spooled{{Blob: f.put(hello), QueueID: mail.NewID(), Expires: time.Now().Add(time.Hour)}}}
	for i := range n {
		c.Spool[0].Deliveries = append(c.Spool[0].Deliveries, store.NewDelivery{
			Recipient: mail.Recipient{Path: mail.Path{Local: fmt.Sprint(i), Domain: "far.test"}}, Destination: "far.test"})
	}
	r, err := f.Commit(f.t.Context(), c)
	ok(f.t, err)
	return r.Items[0]
}

func (f *fixture) settle(id store.ItemID) {
	f.t.Helper()
	all, err := f.Deliveries(f.t.Context(), id)
	ok(f.t, err)
	var c store.Change
	for _, d := range all {
		c.Settle = append(c.Settle, store.Settlement{Delivery: d.ID, State: store.Done})
	}
	_, err = f.Commit(f.t.Context(), c)
	ok(f.t, err)
}

// A message that leaves soon after it came needs no file; one that stays gets
// one, and then a removal row (S8).
func TestQueueContentIsFiledLate(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	f.Halt()
	spooled := func(want int) {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(f.dir, "spool", "*"))
		ok(t, err)
		if len(found) != want {
			t.Errorf("in the spool: %q", found)
		}
	}
	read := func(id store.ItemID) {
		t.Helper()
		it, err := f.Item(ctx, id)
		ok(t, err)
		r, err := f.OpenItem(ctx, it)
		ok(t, err)
		defer r.Close()
		b, err := io.ReadAll(r)
		ok(t, err)
		if !strings.HasSuffix(string(b), hello) {
			t.Errorf("reads %q", b)
		}
	}
	soon := f.spool(2)
	read(soon)
	f.settle(soon)
	f.unfiled(0)
	if n := f.numberOf("removals"); n != 0 {
		t.Errorf("%d removal rows", n)
	}

	stays := f.spool(1)
	f.Abandon() // as a kill leaves it
	f.open()
	f.Halt()
	f.unfiled(1)
	read(stays)
	storetest.Clean(t, f.Store)
	ok(t, f.File(ctx))
	f.unfiled(0)
	spooled(1)
	read(stays)
	f.settle(stays)
	storetest.Clean(t, f.Store)
	f.purge(time.Now())
	spooled(0)
	storetest.Clean(t, f.Store)
}

// Content of an item that ends between its waking and its file leaves none.
func TestQueueContentEndsWhileItIsFiled(t *testing.T) {
	f, blobs := setUpFailing(t)
	f.Halt()
	id := f.spool(1)
	full := store.ErrNoSpace
	blobs.write.Store(&full)
	is(t, f.File(t.Context()), store.ErrNoSpace)
	f.settle(id)
	f.purge(time.Now())
	blobs.write.Store(nil)
	ok(t, f.File(t.Context()))
	f.unfiled(0)
	if found, _ := filepath.Glob(filepath.Join(f.dir, "spool", "*")); len(found) != 0 {
		t.Errorf("in the spool: %q", found)
	}
	f.clean(t)
}

// Content that is a queue item's and a message's stays the message's.
func TestContentOfAnItemAndAMessage(t *testing.T) {
	f := setUp(t)
	f.Halt()
	b := f.put(hello)
	r, err := f.Commit(t.Context(), store.Change{
		Append: []store.Incoming{{Blob: b, Account: f.a.ID}},
		Spool: []store.Spooled{{Blob: b, QueueID: mail.NewID(), Expires: time.Now().Add(time.Hour),
			Deliveries: []store.NewDelivery{{Recipient: mail.Recipient{Path: mail.Path{Local: "x", Domain: "far.test"}}}}}},
	})
	ok(t, err)
	f.settle(r.Items[0])
	f.purge(time.Now())
	f.text(f.box("INBOX"), 1)
	ok(t, f.File(t.Context()))
	f.unfiled(0)
	f.text(f.box("INBOX"), 1)
	if found, _ := filepath.Glob(filepath.Join(f.dir, "spool", "*")); len(found) != 0 {
		t.Errorf("in the spool: %q", found)
	}
	storetest.Clean(t, f.Store)
}

// What no commit took gives its room back.
func TestDiscardedContentGivesItsRoomBack(t *testing.T) {
	f := setUp(t)
	f.Halt()
	small := f.account("small", store.Quota{Bytes: 1})
	b := f.put(hello)
	_, err := f.Commit(t.Context(), store.Change{Append: []store.Incoming{{Blob: b, Account: small.ID}}})
	is(t, err, store.ErrOverQuota)
	f.Discard(b)
	f.Discard(b)
	f.unfiled(0)
	_, err = f.Put(t.Context(), &mail.Mail{Content: lying{}})
	is(t, err, io.ErrUnexpectedEOF)
	f.unfiled(0)
}

// lying is content of another size than it says.
type lying struct{}

func (lying) Size() int64                  { return 10 }
func (lying) Open() (io.ReadCloser, error) { return mail.Bytes("short").Open() }
