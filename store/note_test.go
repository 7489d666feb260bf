package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"posthorn/store"
)

// An account without mail is one small file: its mailboxes stand in its note, and
// come back from there as they were.
func TestAccountWithoutMailIsOneNote(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	_, err := f.CreateMailbox(ctx, f.a.ID, "Lists/g.o", "")
	ok(t, err)
	ok(t, f.RenameMailbox(ctx, f.a.ID, "Lists", "Groups"))
	ok(t, f.Reflect(ctx))
	var names []string
	root := filepath.Join(f.dir, "accounts", f.a.Dir)
	ok(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		names = append(names, name)
		return err
	}))
	if want := []string{".", "Maildir", "Maildir/posthorn-account.json"}; !slices.Equal(names, want) {
		t.Errorf("there are %q, want %q", names, want)
	}
	before, err := f.Mailboxes(ctx, f.a.ID)
	ok(t, err)
	f.lose()
	f.rebuild()
	f.sameBoxes(before)
}

// sameBoxes wants the names, roles and UIDVALIDITYs of mailboxes as they were.
func (f *fixture) sameBoxes(want []store.Box) {
	f.t.Helper()
	got, err := f.Mailboxes(f.t.Context(), f.a.ID)
	ok(f.t, err)
	if len(got) != len(want) {
		f.t.Fatalf("%d mailboxes, want %d", len(got), len(want))
	}
	for i, w := range want {
		if g := got[i]; g.Name != w.Name || g.Role != w.Role || g.UIDValidity != w.UIDValidity || g.Messages != w.Messages || g.UIDNext < w.UIDNext {
			f.t.Errorf("%+v, want %+v", g, w)
		}
	}
}

// Mail that has come into a mailbox whose own note has not been written finds it
// in its account's.
func TestFirstMailBeforeItsMailboxHasANote(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	ok(t, f.Reflect(ctx))
	folder := filepath.Join(f.dir, "accounts", f.a.Dir, "Maildir")
	note, err := os.ReadFile(filepath.Join(folder, "posthorn-account.json"))
	ok(t, err)
	_, err = f.Commit(ctx, store.Change{Append: []store.Incoming{{Blob: f.put(hello), Account: f.a.ID, Role: store.RoleSent}}})
	ok(t, err)
	ok(t, f.File(ctx))
	before, err := f.Mailboxes(ctx, f.a.ID)
	ok(t, err)

	f.lose()
	ok(t, os.Remove(filepath.Join(folder, ".Sent", "posthorn-mailbox.json")))
	ok(t, os.WriteFile(filepath.Join(folder, "posthorn-account.json"), note, 0o600))
	f.rebuild()
	f.sameBoxes(before)
}

// A mailbox that has a note of its own keeps it, full or empty, and the note goes
// along when it is renamed and renamed back.
func TestNotesFollowRenamedMailboxes(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	for _, name := range []string{"full", "emptied"} {
		b, err := f.CreateMailbox(ctx, f.a.ID, name, "")
		ok(t, err)
		_, err = f.Commit(ctx, store.Change{Append: []store.Incoming{{Blob: f.put(hello), Account: f.a.ID, Mailbox: b.ID, Flags: store.FlagDeleted}}})
		ok(t, err)
		ok(t, f.Reflect(ctx))
		if name == "emptied" {
			_, err = f.box(name).Expunge(ctx, nil, true)
			ok(t, err)
		}
		for _, to := range []string{"other", name, "last " + name} {
			from := map[string]string{"other": name, name: "other", "last " + name: name}[to]
			ok(t, f.RenameMailbox(ctx, f.a.ID, from, to))
			ok(t, f.Reflect(ctx))
		}
	}
	ok(t, f.RenameMailbox(ctx, f.a.ID, "last full", "full")) // as it was called at first
	before, err := f.Mailboxes(ctx, f.a.ID)
	ok(t, err)
	f.lose()
	f.rebuild()
	f.sameBoxes(before)
}
