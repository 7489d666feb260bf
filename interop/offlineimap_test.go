package interop

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"posthorn/interop/corpus"
	"posthorn/interop/peer"
)

// TestOfflineIMAP pulls a mailbox over a compressed connection, changes both
// sides, and finds nothing left to do.
func TestOfflineIMAP(t *testing.T) {
	need(t, "offlineimap", "python3")
	pr := serve(t, peer.Posthorn{})
	const n = 500
	messages := corpus.Make(4, n)
	fill(t, pr.Server, address("alice"), messages)
	dir := t.TempDir()
	_, port := split(t, pr.IMAPS)
	rc := file(t, "offlineimaprc", fmt.Sprintf(`[general]
accounts = a
metadatadir = %[1]s/meta
socktimeout = 60
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = %[1]s/mail
[Repository far]
type = IMAP
remotehost = localhost
remoteport = %[2]s
remoteuser = %[3]s
remotepass = %[4]s
sslcacertfile = %[5]s
ssl_version = tls1_2
usecompression = yes
maxconnections = 2
`, dir, port, address("alice"), testPassword, pr.CA))
	run := func() string { return mustRun(t, "", "offlineimap", "-o", "-u", "basic", "-c", rc) }
	run()
	local := filepath.Join(dir, "mail", "INBOX")
	got := readMaildir(t, local)
	if len(got) != n {
		t.Fatalf("offlineimap pulled %d of %d messages", len(got), n)
	}
	// It writes headers anew: what is within must be there.
	var all strings.Builder
	for _, text := range got {
		all.WriteString(text)
	}
	for _, m := range messages {
		if id := strings.Trim(m.ID, "<>"); strings.Contains(string(m.Bytes), id) && !strings.Contains(all.String(), id) {
			t.Errorf("%s is missing", m.ID)
		}
	}

	names := slices.Sorted(maps.Keys(got))
	for i, name := range names[:20] {
		from := filepath.Join(local, name)
		base, _, _ := strings.Cut(filepath.Base(name), ":2,")
		var err error
		if i < 15 {
			err = os.Rename(from, filepath.Join(local, "cur", base+":2,FS"))
		} else {
			err = os.Remove(from) // deleted here
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	python(t, pr.Server, "do.py", address("alice"), "INBOX", "STORE", "400:409", "+FLAGS", `(\Answered)`)
	python(t, pr.Server, "do.py", address("alice"), "INBOX", "STORE", "410:419", "+FLAGS", `(\Deleted)`)
	python(t, pr.Server, "do.py", address("alice"), "INBOX", "EXPUNGE")
	run()
	run() // removes here what it removed there
	contains(t, python(t, pr.Server, "flags.py", address("alice")), fmt.Sprintf("messages=%d seen=15 flagged=15", n-15))
	near := readMaildir(t, local)
	if answered := count(near, func(name string) bool { return strings.Contains(name, ":2,R") }); len(near) != n-15 || answered != 10 {
		t.Errorf("%d messages here, %d of them answered; should be %d and 10", len(near), answered, n-15)
	}

	far := python(t, pr.Server, "flags.py", address("alice"))
	run()
	if again := python(t, pr.Server, "flags.py", address("alice")); again != far || !maps.Equal(near, readMaildir(t, local)) {
		t.Errorf("a run with nothing to do changed %s to %s", far, again)
	}
}

func count(m map[string]string, ok func(name string) bool) (n int) {
	for name := range m {
		if ok(name) {
			n++
		}
	}
	return n
}
