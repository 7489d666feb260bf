package store_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/store"
	"posthorn/store/maildir"
	"posthorn/store/storetest"
)

// files lists the content files below the account's Maildir, sorted, without
// their keys: "FOLDER INFO".
func (f *fixture) files() []string {
	f.t.Helper()
	root := filepath.Join(f.dir, "accounts", f.a.Dir, "Maildir")
	var all []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Base(filepath.Dir(path)) == "cur" {
			folder, _ := filepath.Rel(root, filepath.Dir(filepath.Dir(path)))
			_, info, _ := strings.Cut(d.Name(), ",")
			_, info, _ = strings.Cut(info, ",") // the size
			all = append(all, folder+" "+info)
		}
		return err
	})
	ok(f.t, err)
	slices.Sort(all)
	return all
}

// show mirrors, and wants the files of want.
func (f *fixture) show(want ...string) {
	f.t.Helper()
	ok(f.t, f.Reflect(f.t.Context()))
	if got := f.files(); !slices.Equal(got, want) {
		f.t.Errorf("files %q, want %q", got, want)
	}
}

// A crash between a folder's new name and the row that says it does not keep the
// mirror from going on: neither when mail has come to the old folder since, nor
// when a folder of somebody else has the new name.
func TestFolderThatWasRenamedBeforeACrash(t *testing.T) {
	for _, c := range []struct {
		name  string
		crash func(maildir string) error
		want  []string
	}{
		{"before its row", func(m string) error { return os.Rename(m+"/.a", m+"/.b") },
			[]string{".b U=1:2,S", ".b U=2:2,"}},
		{"and mail has come since", func(m string) error {
			return errors.Join(os.Rename(m+"/.a", m+"/.b"), os.MkdirAll(m+"/.a/cur", 0o700))
		}, []string{".b U=1:2,S", ".b U=2:2,"}},
		{"in a folder of somebody else", func(m string) error { return os.MkdirAll(m+"/.b/cur", 0o700) },
			[]string{".a U=1:2,S", ".a U=2:2,"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := setUp(t)
			f.Halt()
			_, err := f.CreateMailbox(t.Context(), f.a.ID, "a", "")
			ok(t, err)
			deliver := func(name string, flags store.Flags) {
				t.Helper()
				b, err := f.box(name).Box(t.Context())
				ok(t, err)
				_, err = f.Commit(t.Context(), store.Change{Append: []store.Incoming{{Blob: f.put(hello), Account: f.a.ID, Mailbox: b.ID, Flags: flags}}})
				ok(t, err)
			}
			deliver("a", 0)
			f.show(".a U=1:2,")
			ok(t, f.RenameMailbox(t.Context(), f.a.ID, "a", "b"))
			ok(t, c.crash(filepath.Join(f.dir, "accounts", f.a.Dir, "Maildir")))
			f.reopen()
			_, _, err = f.box("b").SetFlags(t.Context(), []store.UID{1}, store.FlagsSet, store.FlagSeen, nil, -1)
			ok(t, err)
			deliver("b", 0)
			f.show(c.want...)
			for uid := range store.UID(2) {
				if text := f.text(f.box("b"), uid+1); !strings.HasSuffix(text, hello) {
					t.Errorf("UID %d reads %q", uid+1, text)
				}
			}
			storetest.Clean(t, f.Store)
		})
	}
}

// A file's name follows its message, and the message can be read all the while.
func TestNamesFollowTheirMessages(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	f.deliver(hello, store.FlagFlagged, "$Work", "red")
	f.deliver("Subject: two\r\n\r\n", 0)
	inbox := f.box("INBOX")
	read := func(m *store.Mailbox, uid store.UID) {
		t.Helper()
		if text := f.text(m, uid); !strings.HasSuffix(text, hello) {
			t.Errorf("reads %q", text)
		}
	}
	f.show(". U=1:2,Fab", ". U=2:2,")
	read(inbox, 1)

	_, _, err := inbox.SetFlags(ctx, []store.UID{1}, store.FlagsSet, store.FlagSeen|store.FlagAnswered, []string{"RED"}, -1)
	ok(t, err)
	read(inbox, 1) // before the name follows
	f.show(". U=1:2,RSb", ". U=2:2,")
	read(inbox, 1)

	_, err = f.CreateMailbox(ctx, f.a.ID, "a/b", "")
	ok(t, err)
	b, err := f.box("a/b").Box(ctx)
	ok(t, err)
	_, err = inbox.Move(ctx, []store.UID{1}, b.ID, store.AllFlags)
	ok(t, err)
	read(f.box("a/b"), 1)
	f.show(". U=2:2,", ".a.b U=1:2,RSa") // red is the first keyword there
	read(f.box("a/b"), 1)

	ok(t, f.RenameMailbox(ctx, f.a.ID, "a", "x.y"))
	moved := f.box("x.y/b")
	read(moved, 1)
	f.show(". U=2:2,", ".x%2Ey.b U=1:2,RSa")
	read(moved, 1)

	_, err = inbox.Expunge(ctx, nil, true)
	ok(t, err)
	f.show(". U=2:2,", ".x%2Ey.b U=1:2,RSa")
	f.reopen()
	read(f.box("x.y/b"), 1)
	storetest.Clean(t, f.Store)
}

// A name is mirrored again when the process ended before its mailbox was marked.
func TestMirrorGoesOnAfterACrash(t *testing.T) {
	f := setUp(t)
	f.deliver(hello, store.FlagSeen)
	f.show(". U=1:2,S")
	ok(t, f.Damage(t.Context(), `UPDATE mailboxes SET mirrored = 0`))
	f.reopen()
	f.show(". U=1:2,S")
	if n, err := f.Number(t.Context(), `SELECT count(*) FROM mailboxes WHERE mirrored < modseq`); err != nil || n != 0 {
		t.Errorf("%d mailboxes are not mirrored, %v", n, err)
	}
}

func TestFilesHaveTheTimeOfTheirMessages(t *testing.T) {
	f := setUp(t)
	at := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	_, err := f.Commit(t.Context(), store.Change{Append: []store.Incoming{{Blob: f.put(hello), Account: f.a.ID, Internal: at}}})
	ok(t, err)
	f.show(". U=1:2,")
	names, err := filepath.Glob(filepath.Join(f.dir, "accounts", f.a.Dir, "Maildir", "cur", "*"))
	ok(t, err)
	st, err := os.Stat(names[0])
	ok(t, err)
	if !st.ModTime().Equal(at) {
		t.Errorf("time %s", st.ModTime())
	}
}

// Notes hold password hashes and signing keys.
func TestNotesAreTheirOwnersAlone(t *testing.T) {
	f := setUp(t)
	ok(t, f.Reflect(t.Context()))
	var notes []string
	err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".json") {
			return err
		}
		notes = append(notes, d.Name())
		st, err := d.Info()
		if err == nil && st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, st.Mode())
		}
		return err
	})
	ok(t, err)
	if len(notes) != 1+1 {
		t.Errorf("notes %q", notes)
	}
}

// slow is a disk that renames slowly, and counts.
type slow struct {
	store.Blobs
	rename  time.Duration
	renamed int // the mirror's goroutine's
}

func (s *slow) Rename(ctx context.Context, f store.File, to store.Place, info string) error {
	s.renamed++
	time.Sleep(s.rename)
	return s.Blobs.Rename(ctx, f, to, info)
}

// The end of the store does not wait for a mirror that is far behind, and the
// next start goes on where it stopped.
func TestCloseLeavesTheMirrorBehind(t *testing.T) {
	const n = 300
	f := setUp(t)
	ok(t, f.Close())
	disk := &slow{Blobs: maildir.New(f.dir), rename: 10 * time.Millisecond}
	open := func() {
		var err error
		f.Store, err = store.Open(t.Context(), f.dir, disk, store.Options{})
		ok(t, err)
	}
	open()
	for range n {
		f.deliver(hello, 0)
	}
	start := time.Now()
	ok(t, f.Close())
	if took := time.Since(start); took > n*disk.rename*2/3 {
		t.Errorf("closed after %v", took)
	}
	first := disk.renamed
	disk.rename = 0
	open()
	defer f.Close()
	ok(t, f.Reflect(t.Context()))
	if second := disk.renamed - first; first == 0 || first == n || first+second > n+10 { // some twice
		t.Errorf("%d names before the end and %d after it, for %d messages", first, second, n)
	}
	for i, file := range f.files() {
		if !strings.Contains(file, "U=") {
			t.Errorf("file %d is %q", i, file)
		}
	}
}
