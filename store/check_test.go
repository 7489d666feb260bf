package store_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/storetest"
)

func (f *fixture) problems(fix bool) []store.Problem {
	f.t.Helper()
	found, err := f.Check(f.t.Context(), fix, nil)
	ok(f.t, err)
	return found
}

// content gives the path of the only message file.
func (f *fixture) content() string {
	f.t.Helper()
	var path string
	err := filepath.WalkDir(filepath.Join(f.dir, "accounts"), func(p string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Base(filepath.Dir(p)) == "cur" {
			path = p
		}
		return err
	})
	ok(f.t, err)
	if path == "" {
		f.t.Fatal("no message file")
	}
	return path
}

// What Check finds, by what was done to the store behind its back.
func TestCheckFindsDamage(t *testing.T) {
	sql := func(query string) func(*fixture) {
		return func(f *fixture) { ok(f.t, f.Damage(f.t.Context(), query)) }
	}
	for _, c := range []struct {
		name   string
		damage func(*fixture)
		want   string // the invariant
		mends  bool
	}{
		{"a message file is missing", func(f *fixture) { ok(f.t, os.Remove(f.content())) }, "S3", false},
		{"a message file is cut", func(f *fixture) { ok(f.t, os.Truncate(f.content(), 10)) }, "S3", false},
		{"a message file is too long", func(f *fixture) {
			g, err := os.OpenFile(f.content(), os.O_APPEND|os.O_WRONLY, 0)
			ok(f.t, err)
			_, err = g.WriteString("x")
			ok(f.t, err)
			ok(f.t, g.Close())
		}, "S3", false},
		{"all of an account's files are missing", func(f *fixture) {
			ok(f.t, os.RemoveAll(filepath.Join(f.dir, "accounts")))
		}, "S3", false},
		{"a spooled file is missing", func(f *fixture) {
			sp := store.Spooled{Blob: f.put(hello), QueueID: mail.NewID(),
				Deliveries: []store.NewDelivery{{Recipient: mail.Recipient{Path: mail.Path{Local: "x", Domain: "y"}}}}}
			_, err := f.Commit(f.t.Context(), store.Change{Spool: []store.Spooled{sp}})
			ok(f.t, err)
			ok(f.t, f.File(f.t.Context()))
			ok(f.t, os.RemoveAll(filepath.Join(f.dir, "spool")))
		}, "S3", false},
		{"a row is lost", sql(`DELETE FROM messages`), "S8", true},
		{"a file is another program's, in new", func(f *fixture) {
			ok(f.t, os.WriteFile(filepath.Join(filepath.Dir(filepath.Dir(f.content())), "new", "1234.M5.host"), []byte("Subject: x\r\n\r\n"), 0o600))
		}, "S8", true},
		{"a file is in the spool", func(f *fixture) {
			ok(f.t, os.MkdirAll(filepath.Join(f.dir, "spool"), 0o700))
			ok(f.t, os.WriteFile(filepath.Join(f.dir, "spool", "lost"), []byte("x"), 0o600))
		}, "S8", false},
		{"a message has a second name", func(f *fixture) {
			trash := filepath.Join(f.dir, "accounts", f.a.Dir, "Maildir", ".Trash", "cur")
			ok(f.t, os.MkdirAll(trash, 0o700))
			ok(f.t, os.Link(f.content(), filepath.Join(trash, filepath.Base(f.content()))))
		}, "S8", true},
		{"UIDNEXT is low", sql(`UPDATE mailboxes SET uidnext = 1`), "S4", false},
		{"UIDVALIDITY is twice there", sql(`UPDATE mailboxes SET uidvalidity = 1 WHERE name IN ('Sent', 'Trash')`), "S4", false},
		{"UIDVALIDITY is high", sql(`UPDATE accounts SET uidvalidity = 1 WHERE login LIKE 'alice%'`), "S4", false},
		{"a message is newer than its mailbox", sql(`UPDATE mailboxes SET modseq = 1 WHERE name = 'INBOX'`), "S5", false},
		{"a mailbox is newer than its account", sql(`UPDATE accounts SET modseq = 1`), "S5", false},
		{"a mailbox counts too many", sql(`UPDATE mailboxes SET messages = 7 WHERE name = 'INBOX'`), "S6", true},
		{"a mailbox counts the unseen wrong", sql(`UPDATE mailboxes SET unseen = 0 WHERE name = 'INBOX'`), "S6", true},
		{"an account uses too little", sql(`UPDATE accounts SET used_bytes = 1`), "S7", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := setUp(t)
			f.deliver(hello, 0)
			_, err := f.Commit(t.Context(), store.Change{}) // nothing is a change too
			ok(t, err)
			ok(t, f.Reflect(t.Context()))
			storetest.Clean(t, f.Store)
			c.damage(f)
			found := f.problems(false)
			seen := false
			for _, p := range found {
				seen = seen || p.Invariant == c.want
				if p.Fixed != "" {
					t.Errorf("mended without being asked: %+v", p)
				}
				if p.Do == "" || p.Invariant == "S3" && p.Path == "" {
					t.Errorf("does not say what to do, or where: %+v", p)
				}
			}
			if !seen {
				t.Fatalf("found %+v", found)
			}
			f.problems(true)
			if after := f.problems(false); c.mends && len(after) > 0 || !c.mends && len(after) == 0 {
				t.Errorf("after mending %+v", after)
			}
		})
	}
}

// A database in which an index and its table disagree is found and named.
func TestCheckNamesADamagedDatabase(t *testing.T) {
	f := setUp(t)
	f.deliver(hello, 0)
	ok(t, f.File(t.Context()))
	key, _, _ := strings.Cut(filepath.Base(f.content()), ",")
	ok(t, f.Close())
	path := filepath.Join(f.dir, store.DatabaseName)
	b, err := os.ReadFile(path)
	ok(t, err)
	ok(t, os.WriteFile(path, bytes.Replace(b, []byte(key), []byte("!"+key[1:]), 1), 0o600))
	f.open()
	found := f.problems(false)
	if len(found) == 0 || found[0].Invariant != "DB" || found[0].Path != path || !strings.Contains(found[0].Do, "posthorn reindex") {
		t.Errorf("found %+v", found)
	}
}

// S8: what no row knows is filed, and nothing is taken away.
func TestUnknownFilesAreFiled(t *testing.T) {
	f := setUp(t)
	f.deliver(hello, 0)
	ok(t, f.Reflect(t.Context()))
	cur := filepath.Dir(f.content())
	ok(t, os.WriteFile(filepath.Join(cur, "1234.M5P6.host,S=3:2,FS"), []byte("A: b\r\n\r\nforeign\r\n"), 0o600)) // its S is a lie
	found := f.problems(true)
	if len(found) != 1 || found[0].Account != f.a.Login || !strings.Contains(found[0].Fixed, "Recovered") {
		t.Fatalf("found %+v", found)
	}
	m := f.box("Recovered")
	b, err := m.Box(t.Context())
	ok(t, err)
	if b.Messages != 1 || b.Unseen != 0 || !b.Subscribed {
		t.Errorf("mailbox %+v", b)
	}
	if text := f.text(m, 1); text != "A: b\r\n\r\nforeign\r\n" {
		t.Errorf("filed %q", text)
	}
	storetest.Clean(t, f.Store)
	f.reopen()
	f.text(f.box("Recovered"), 1)
	if text := f.text(f.box("INBOX"), 1); !strings.HasSuffix(text, hello) {
		t.Errorf("the message beside it reads %q", text)
	}
}

// A missing file fails the one message it belongs to.
func TestMissingContentStopsNothingElse(t *testing.T) {
	f := setUp(t)
	f.deliver(hello, 0)
	ok(t, f.Reflect(t.Context()))
	ok(t, os.Remove(f.content()))
	f.deliver("Subject: two\r\n\r\n", 0)
	m := f.box("INBOX")
	lost, err := m.Messages(t.Context(), []store.UID{1})
	ok(t, err)
	_, err = m.Open(t.Context(), lost[0])
	is(t, err, store.ErrCorrupt)
	f.text(m, 2)
	_, _, err = m.SetFlags(t.Context(), []store.UID{1, 2}, store.FlagsAdd, store.FlagSeen, nil, -1)
	ok(t, err)
	ok(t, f.Reflect(t.Context()))
	_, err = m.Expunge(t.Context(), []store.UID{1}, true)
	ok(t, err)
	f.purge(later())
	storetest.Clean(t, f.Store)
}
