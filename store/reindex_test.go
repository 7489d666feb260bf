package store_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/store"
	"posthorn/store/maildir"
	"posthorn/store/storetest"
)

// lose mirrors, closes the store and loses its database.
func (f *fixture) lose() {
	f.t.Helper()
	ok(f.t, f.Reflect(f.t.Context()))
	ok(f.t, f.Close())
	names, err := filepath.Glob(filepath.Join(f.dir, store.DatabaseName+"*"))
	ok(f.t, err)
	for _, n := range names {
		ok(f.t, os.Remove(n))
	}
}

// rebuild makes the database again and opens it.
func (f *fixture) rebuild() {
	f.t.Helper()
	ok(f.t, store.Reindex(f.t.Context(), f.dir, maildir.New(f.dir), nil))
	f.open()
	a, err := f.AccountByLogin(f.t.Context(), f.a.Login)
	ok(f.t, err)
	f.a = a
	storetest.Clean(f.t, f.Store)
}

// picture is all that Reindex promises to bring back of an account.
type picture struct {
	Account store.Account
	Login   store.Credentials // without the account
	Secret  []byte
	Boxes   map[string]store.Box
	Texts   map[string]string // by mailbox, UID, flags, date
	Names   []string          // subscribed
}

func (f *fixture) picture() picture {
	f.t.Helper()
	ctx := f.t.Context()
	p := picture{Boxes: map[string]store.Box{}, Texts: map[string]string{}}
	var err error
	p.Login, err = f.Credentials(ctx, f.a.Login)
	ok(f.t, err)
	p.Account, p.Login.Account = p.Login.Account, store.Account{}
	p.Secret, err = f.Secret(ctx, "test")
	ok(f.t, err)
	p.Account.ID, p.Account.Created = 0, time.Unix(p.Account.Created.Unix(), 0)
	p.Names, err = f.Subscriptions(ctx, f.a.ID)
	ok(f.t, err)
	boxes, err := f.Mailboxes(ctx, f.a.ID)
	ok(f.t, err)
	for _, b := range boxes {
		m := f.box(b.Name)
		_, err := m.Rows(ctx, func(rows []store.Row) {
			for _, r := range rows {
				p.Texts[fmt.Sprintf("%s %d %x", b.Name, r.UID, r.Flags)] = ""
			}
		})
		ok(f.t, err)
		for at := range p.Texts {
			var uid store.UID
			var name string
			if fmt.Sscan(at, &name, &uid); name == b.Name {
				all, err := m.Messages(ctx, []store.UID{uid})
				ok(f.t, err)
				date := "now" // the second at which it was written, or the next
				if at := all[0].Internal; time.Since(at) > time.Hour {
					date = at.UTC().Format(time.RFC3339)
				}
				p.Texts[at] = date + " " + all[0].UIDL + " " + f.text(m, uid)
			}
		}
		full, err := m.Box(ctx)
		ok(f.t, err)
		full.ID, full.Account, full.UIDNext, full.ModSeq = 0, 0, 0, 0
		p.Boxes[b.Name] = full
	}
	return p
}

func TestReindexBringsEverythingBack(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	ok(t, f.AddDomain(ctx, store.Domain{Name: "a.example", AliasOf: "example.test"}))
	ok(t, f.AddDKIMKey(ctx, store.DKIMKey{Domain: "example.test", Selector: "s", Algorithm: "rsa", Private: []byte{0, 1}}))
	ok(t, f.SetAlias(ctx, store.Alias{Address: "all@example.test", Targets: []string{"alice@example.test", "X@example.org"}}))
	ok(t, f.SetQuota(ctx, f.a.ID, store.Quota{Bytes: 1 << 20, Messages: 99}))
	ok(t, f.SetPassword(ctx, f.a.ID, "$argon2id$"))
	scram := store.SCRAM{Salt: []byte{0, 1}, Iterations: 4096, Keys: []byte{2, 3}}
	ok(t, f.SetPasswordKeys(ctx, f.a.ID, "$argon2id$", scram))
	day := time.Unix(1_700_000_000, 0)
	ok(t, f.AddAppPassword(ctx, f.a.ID, scram, store.AppPassword{Name: "phone", Protocols: []string{"imap"}, Keys: []byte{4}, Created: day, Expires: day}))
	ok(t, f.AddAppPassword(ctx, f.a.ID, scram, store.AppPassword{Name: "printer", Keys: []byte{5}, Created: day}))
	_, err := f.CreateMailbox(ctx, f.a.ID, "L%sts/G\u00f6.x/~y", store.RoleFlagged)
	ok(t, err)
	ok(t, f.Subscribe(ctx, f.a.ID, "not there", true))
	ok(t, f.Subscribe(ctx, f.a.ID, "Junk", false))
	f.deliver(hello, store.FlagSeen, "$Work", "red")
	f.deliver("Subject: two\r\n\r\n", store.FlagDeleted, "red")
	f.deliver("Subject: three\r\n\r\n", 0)
	inbox := f.box("INBOX")
	deep, err := f.box("L%sts/G\u00f6.x/~y").Box(ctx)
	ok(t, err)
	_, err = inbox.Copy(ctx, []store.UID{1, 3}, deep.ID, store.AllFlags)
	ok(t, err)
	_, err = inbox.Expunge(ctx, []store.UID{3}, true)
	ok(t, err)
	_, err = f.Commit(ctx, store.Change{Append: []store.Incoming{
		{Blob: f.put("Subject: old\r\n\r\n"), Account: f.a.ID, Role: store.RoleArchive, Internal: time.Date(1995, 1, 2, 3, 4, 5, 0, time.UTC)},
		{Blob: f.put("Subject: trash\r\n\r\n"), Account: f.a.ID, Role: store.RoleTrash},
	}})
	ok(t, err)
	ok(t, f.DeleteMailbox(ctx, f.a.ID, "Trash"))
	gone := f.account("gone", store.Quota{})
	ok(t, f.RemoveAccount(ctx, gone.ID))
	off := f.account("off", store.Quota{})
	ok(t, f.SetEnabled(ctx, off.ID, false))
	before, boxBefore := f.picture(), deep
	domains, err := f.Domains(ctx)
	ok(t, err)

	f.lose()
	f.rebuild()

	after := f.picture()
	if after.Account != before.Account || string(after.Secret) != string(before.Secret) || !reflect.DeepEqual(after.Login, before.Login) || !slices.Equal(after.Names, before.Names) {
		t.Errorf("account\n%+v\n%+v", before, after)
	}
	if !maps.Equal(after.Texts, before.Texts) {
		t.Errorf("messages\n%q\n%q", before.Texts, after.Texts)
	}
	if fmt.Sprint(after.Boxes) != fmt.Sprint(before.Boxes) {
		t.Errorf("mailboxes\n%+v\n%+v", before.Boxes, after.Boxes)
	}
	deep, err = f.box("L%sts/G\u00f6.x/~y").Box(ctx)
	ok(t, err)
	if deep.UIDNext < boxBefore.UIDNext || deep.ModSeq <= boxBefore.ModSeq {
		t.Errorf("numbers went back: %+v, %+v", boxBefore, deep)
	}
	if a := f.deliver(hello, 0); a.UID <= 3 {
		t.Errorf("UID %d was given before", a.UID)
	}
	again, err := f.Domains(ctx)
	ok(t, err)
	keys, err := f.DKIMKeys(ctx, "example.test")
	ok(t, err)
	aliases, err := f.Aliases(ctx, "")
	ok(t, err)
	if len(again) != len(domains) || len(keys) != 1 || string(keys[0].Private) != "\x00\x01" || len(aliases) != 1 || len(aliases[0].Targets) != 2 {
		t.Errorf("domains %+v, keys %+v, aliases %+v", again, keys, aliases)
	}
	accounts, err := f.Accounts(ctx)
	ok(t, err)
	if len(accounts) != 2 || accounts[1].Login != "off@example.test" || accounts[1].Enabled {
		t.Errorf("accounts %+v", accounts)
	}
}

// A message that was never mirrored gets a UID above all that were given, S4.
func TestReindexGivesNewUIDsToNewNames(t *testing.T) {
	f := setUp(t)
	for range 3 {
		f.deliver(hello, 0)
	}
	f.lose()
	folder := filepath.Join(f.dir, "accounts", f.a.Dir, "Maildir")
	ok(t, os.WriteFile(filepath.Join(folder, "new", "99.foreign"), []byte("Subject: f\r\n\r\n"), 0o600))
	ok(t, os.WriteFile(filepath.Join(folder, "cur", "98.foreign,U=2:2,S"), []byte("Subject: twice\r\n\r\n"), 0o600))
	f.rebuild()
	var uids []store.UID
	_, err := f.box("INBOX").Rows(t.Context(), func(rows []store.Row) {
		for _, r := range rows {
			uids = append(uids, r.UID)
		}
	})
	ok(t, err)
	if len(uids) != 5 || !slices.Equal(uids[:3], []store.UID{1, 2, 3}) || uids[3] < 1000 {
		t.Errorf("UIDs %v", uids)
	}
	f.text(f.box("INBOX"), uids[3])
	f.text(f.box("INBOX"), uids[4])
}

// Content that is cut is told of after Reindex as before.
func TestReindexKeepsDamageVisible(t *testing.T) {
	f := setUp(t)
	f.deliver(hello, 0)
	ok(t, f.Reflect(t.Context()))
	ok(t, os.Truncate(f.content(), 10))
	f.lose()
	ok(t, store.Reindex(t.Context(), f.dir, maildir.New(f.dir), nil))
	f.open()
	if found := f.problems(false); len(found) != 1 || found[0].Invariant != "S3" {
		t.Errorf("found %+v", found)
	}
}

// Folders without notes, as other programs have them, become mailboxes.
func TestReindexOfForeignFolders(t *testing.T) {
	f := setUp(t)
	f.deliver(hello, 0)
	f.lose()
	root := filepath.Join(f.dir, "accounts", f.a.Dir, "Maildir")
	for _, sub := range []string{"cur", "new", "tmp"} {
		ok(t, os.MkdirAll(filepath.Join(root, ".Work.2%2E0", sub), 0o700))
	}
	ok(t, os.WriteFile(filepath.Join(root, ".Work.2%2E0", "cur", "1.x:2,FRS"), []byte("Subject: w\r\n\r\n"), 0o600))
	ok(t, os.MkdirAll(filepath.Join(f.dir, "accounts", "stray", "Maildir", "cur"), 0o700))
	ok(t, os.WriteFile(filepath.Join(f.dir, "accounts", "stray", "Maildir", "cur", "1.y"), []byte("Subject: s\r\n\r\n"), 0o600))
	f.rebuild()
	if text := f.text(f.box("Work/2.0"), 1); text != "Subject: w\r\n\r\n" {
		t.Errorf("it reads %q", text)
	}
	stray, err := f.AccountByLogin(t.Context(), "stray@recovered.invalid")
	ok(t, err)
	if stray.Enabled || stray.Used.Messages != 1 {
		t.Errorf("stray %+v", stray)
	}
}

func TestReindexRefusesToReplaceADatabase(t *testing.T) {
	f := setUp(t)
	is(t, store.Reindex(t.Context(), f.dir, maildir.New(f.dir), nil), store.ErrInUse)
	ok(t, f.Close())
	is(t, store.Reindex(t.Context(), f.dir, maildir.New(f.dir), nil), store.ErrExists)
}

// A lost database is not made anew in silence.
func TestOpenRefusesALostDatabase(t *testing.T) {
	f := setUp(t)
	f.lose()
	_, err := store.Open(t.Context(), f.dir, maildir.New(f.dir), store.Options{})
	is(t, err, store.ErrCorrupt)
	if !strings.Contains(err.Error(), "posthorn reindex") {
		t.Errorf("%v does not say what to do", err)
	}
}
