package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"posthorn/interop/corpus"
	"posthorn/interop/peer"
)

// TestInterimap keeps two mailboxes alike by QRESYNC alone, both of this server.
func TestInterimap(t *testing.T) {
	need(t, "interimap", "python3")
	pr := serve(t, peer.Posthorn{})
	_, port := split(t, pr.IMAPS)
	far := func(user string) string {
		return fmt.Sprintf("type = imaps\nhost = localhost\nport = %s\nusername = %s\npassword = %s\nSSL_CAfile = %s\n", port, address(user), testPassword, pr.CA)
	}
	keepAlike(t, pr, far("alice"), far("bob"), "alice", func() []string { return inbox(t, pr.Server, address("bob")) })
}

// keepAlike runs interimap between a local and a remote section; user is the one
// whose INBOX is changed here, other what the other side's INBOX holds then.
func keepAlike(t *testing.T, pr *peer.Process, local, remote, user string, other func() []string) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "config")
	text := fmt.Sprintf("database = %s/data/state.db\nlist-mailbox = INBOX\n[local]\n%s[remote]\n%s", dir, local, remote)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func() {
		t.Helper()
		mustRun(t, "", "interimap", "--config="+config, "--quiet")
	}
	do := func(args ...string) {
		t.Helper()
		python(t, pr.Server, "do.py", append([]string{address(user), "INBOX"}, args...)...)
	}
	fill(t, pr.Server, address(user), corpus.Make(5, 300))
	alike := func(want int) {
		t.Helper()
		run()
		if here, there := len(inbox(t, pr.Server, address(user))), len(other()); here != want || there != want {
			t.Fatalf("%d messages on one side and %d on the other, both should have %d", here, there, want)
		}
	}
	alike(300)
	do("STORE", "1:50", "+FLAGS", `(\Flagged \Seen)`)
	do("STORE", "100:149", "+FLAGS", `(\Deleted)`)
	do("EXPUNGE")
	alike(250)
	fill(t, pr.Server, address(user), corpus.Make(6, 40))
	alike(290)
	do("STORE", "1:10", "-FLAGS", `(\Flagged)`)
	alike(290)
	contains(t, python(t, pr.Server, "flags.py", address(user)), "messages=290 seen=50 flagged=40")
}
