package store_test

import (
	"strings"
	"testing"

	"posthorn/store"
)

// A folder's name tells its mailbox's name, and is one name below the account's.
func FuzzFolderNameComesBack(f *testing.F) {
	for _, name := range []string{"a", "a/b", "a.b/c%2E", "~x", "%", "%2", "\u00e4/\u65e5\u672c", "a:2,S", "a\\b", "..x", " %"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if name == "" || name == "INBOX" || len(name) > 70 { // a longer one may be cut
			return
		}
		folder := store.FolderName(name)
		if got := store.MailboxOf(folder); got != name {
			t.Errorf("%q becomes %q becomes %q", name, folder, got)
		}
		if got := store.MailboxOf(folder + "~2"); got != name {
			t.Errorf("with a tilde %q becomes %q", folder, got)
		}
		if folder[0] != '.' || strings.ContainsAny(folder, "/\x00:") {
			t.Errorf("%q is no folder name", folder)
		}
	})
}
