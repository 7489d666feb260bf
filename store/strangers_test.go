package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"posthorn/store"
	"posthorn/store/maildir"
)

// S8: no command deletes a file that the store does not know, wherever it lies.
func TestStrangersAreNeverDeleted(t *testing.T) {
	f := setUp(t)
	bob := f.account("bob", store.Quota{})
	_, err := f.CreateMailbox(t.Context(), f.a.ID, "Old", "")
	ok(t, err)
	f.deliver(hello, 0)
	ok(t, f.Reflect(t.Context()))
	maildirOf := func(a store.Account, rest string) string { return filepath.Join("accounts", a.Dir, "Maildir", rest) }
	strangers := []string{
		"tmp/1234", "tmp/folder/letter", "spool/1234.M1.host", "accounts/letter", "letter",
		maildirOf(f.a, "cur/1234"), maildirOf(f.a, "cur/folder/letter"), maildirOf(f.a, "new/1234.M2.host"), maildirOf(f.a, "tmp/1234"), maildirOf(f.a, "letter"),
		maildirOf(f.a, ".Old/cur/1234.M3.host:2,S"), maildirOf(f.a, ".Old/letter"), maildirOf(f.a, ".Unknown/cur/1234.M4.host"),
		maildirOf(bob, "cur/1234.M5.host,S=3:2,S"), maildirOf(bob, ".Trash/new/1234"), maildirOf(bob, "letter"),
		"accounts/nobody/Maildir/cur/1234.M6.host", "accounts/nobody/letter",
	}
	for _, path := range strangers {
		ok(t, os.MkdirAll(filepath.Join(f.dir, filepath.Dir(path)), 0o700))
		ok(t, os.WriteFile(filepath.Join(f.dir, path), []byte(path), 0o600))
	}
	holds := func(after string) {
		t.Helper()
		there := make(map[string]bool)
		ok(t, filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				b, _ := os.ReadFile(path) // gone meanwhile: one of the store's own
				there[string(b)] = true
			}
			return err
		}))
		for _, path := range strangers {
			if !there[path] {
				t.Fatalf("%s is gone after %s", path, after)
			}
		}
	}
	f.reopen()
	holds("reopening")
	f.problems(false)
	holds("check")
	ok(t, f.DeleteMailbox(t.Context(), f.a.ID, "Old"))
	ok(t, f.RemoveAccount(t.Context(), bob.ID))
	ok(t, f.Reflect(t.Context()))
	f.purge(later())
	f.purge(later())
	holds("a mailbox and an account were deleted")
	f.problems(true)
	f.problems(true)
	holds("check --fix")
	ok(t, f.Close())
	ok(t, os.Remove(filepath.Join(f.dir, store.DatabaseName)))
	ok(t, os.Remove(filepath.Join(f.dir, store.DatabaseName+"-wal")))
	ok(t, store.Reindex(t.Context(), f.dir, maildir.New(f.dir), nil))
	holds("reindex")
	f.open()
	f.problems(true)
	holds("check --fix after reindex")
}
