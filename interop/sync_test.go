package interop

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"posthorn/interop/corpus"
	"posthorn/interop/peer"
)

// corpusVariable asks for more messages than corpusSize's 1000.
const corpusVariable = "POSTHORN_CORPUS"

// corpusSize messages go through mbsync and fetchmail.
var corpusSize = func() int {
	if n, err := strconv.Atoi(os.Getenv(corpusVariable)); err == nil {
		return n
	}
	return 1000
}()

// TestMbsync pulls a mailbox of every odd kind, changes both sides, and finds
// nothing left to do.
func TestMbsync(t *testing.T) {
	need(t, "mbsync", "python3")
	pr := serve(t, peer.Posthorn{})
	messages := corpus.Make(1, corpusSize)
	fill(t, pr.Server, address("alice"), messages)

	dir := t.TempDir()
	_, port := split(t, pr.IMAPS)
	rc := file(t, "mbsyncrc", fmt.Sprintf(`IMAPStore far
Host localhost
Port %s
User %s
Pass "%s"
SSLType IMAPS
CertificateFile %s

MaildirStore near
Path %s/
Inbox %s/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
CopyArrivalDate yes
`, port, address("alice"), testPassword, pr.CA, dir, dir))
	run := func() string { return mustRun(t, "", "mbsync", "-c", rc, "-V", "-a") }

	run()
	got := readMaildir(t, filepath.Join(dir, "INBOX"))
	if len(got) != corpusSize {
		t.Fatalf("mbsync pulled %d of %d messages", len(got), corpusSize)
	}
	want := map[string]bool{}
	for _, m := range messages {
		want[strings.ReplaceAll(string(m.Bytes), "\r\n", "\n")] = true
	}
	for name, text := range got {
		if !want[withoutTUID(text)] {
			t.Fatalf("%s is not what was put in:\n%.600s", name, text)
		}
	}

	// Flags and new messages from this side, a removal, and a new folder.
	names := slices.Sorted(func(yield func(string) bool) {
		for n := range got {
			if !yield(n) {
				return
			}
		}
	})
	for i, n := range names[:100] {
		path := filepath.Join(dir, "INBOX", n)
		base, _, _ := strings.Cut(filepath.Base(n), ":2,")
		flags := "S"
		if i%2 == 0 {
			flags = "FRS"
		}
		if i >= 90 {
			flags = "ST"
		}
		if err := os.Rename(path, filepath.Join(dir, "INBOX", "cur", base+":2,"+flags)); err != nil {
			t.Fatal(err)
		}
	}
	for i, m := range corpus.Make(2, 50) {
		if err := os.WriteFile(filepath.Join(dir, "INBOX", "new", fmt.Sprintf("1700000000.%d.here", i)), []byte(strings.ReplaceAll(string(m.Bytes), "\r\n", "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run()
	contains(t, python(t, pr.Server, "flags.py", address("alice")), fmt.Sprintf("messages=%d seen=90 flagged=45", corpusSize+40))

	// Nothing moves on either side when it runs again.
	near, far := readMaildir(t, filepath.Join(dir, "INBOX")), python(t, pr.Server, "flags.py", address("alice"))
	run()
	if !maps.Equal(near, readMaildir(t, filepath.Join(dir, "INBOX"))) {
		t.Error("the third run changed the Maildir")
	}
	if again := python(t, pr.Server, "flags.py", address("alice")); again != far {
		t.Errorf("the third run changed the mailbox from %s to %s", far, again)
	}
}

// withoutTUID undoes the header field mbsync adds while it copies.
func withoutTUID(text string) string {
	head, rest, found := strings.Cut(text, "X-TUID: ")
	if !found {
		return text
	}
	_, rest, _ = strings.Cut(rest, "\n")
	return head + rest
}

// readMaildir gives the messages of a Maildir by "cur/name" or "new/name".
func readMaildir(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, sub := range []string{"cur", "new"} {
		files, err := os.ReadDir(filepath.Join(dir, sub))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(filepath.Join(dir, sub, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			got[sub+"/"+f.Name()] = string(b)
		}
	}
	return got
}

// fill appends messages with Python's imaplib.
func fill(t *testing.T, s *peer.Server, user string, messages []corpus.Message) {
	t.Helper()
	var all strings.Builder
	for _, m := range messages {
		all.Write(m.Bytes)
		all.WriteByte(0)
	}
	contains(t, python(t, s, "append.py", user, file(t, "corpus", all.String())), "ok\n")
}

// TestFetchmail drains the same mail over POP3 with UIDL and hands it on by
// SMTP to another user; a second run finds nothing new.
func TestFetchmail(t *testing.T) {
	need(t, "fetchmail", "python3")
	pr := serve(t, peer.Posthorn{})
	fill(t, pr.Server, address("bob"), corpus.Make(3, corpusSize))
	dir := t.TempDir()
	host, port := split(t, pr.POP3S)
	smtpHost, smtpPort := split(t, pr.SMTP)
	rc := file(t, "fetchmailrc", fmt.Sprintf(`poll %s port %s protocol POP3 uidl
user "%s" password "%s" ssl sslproto "tls1.2+" no sslcertck keep
smtphost %s/%s smtpname "%s"
`, host, port, address("bob"), testPassword, smtpHost, smtpPort, address("carol")))
	run := func() (string, int) {
		out, err := program(t, "", "fetchmail", "-f", rc, "--nosyslog", "--nodetach", "-v", "--bad-header", "accept", "--idfile", filepath.Join(dir, "ids"), "--pidfile", filepath.Join(dir, "pid"))
		return out, exitCode(err)
	}
	if out, code := run(); code != 0 {
		t.Fatalf("fetchmail ended with %d\n%s", code, tail([]byte(out), 4000))
	}
	contains(t, python(t, pr.Server, "flags.py", address("carol")), fmt.Sprintf("messages=%d ", corpusSize))
	if out, code := run(); code != 1 { // fetchmail(1): no mail waiting
		t.Errorf("the second run ended with %d, not 1 (nothing new)\n%s", code, tail([]byte(out), 2000))
	}
}
