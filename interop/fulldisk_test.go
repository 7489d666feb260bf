package interop

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"posthorn/interop/peer"
)

// A server that is started, more than once, on a disk with no octet free lets
// people log in, read their mail and delete it, tells strangers to come again, and
// says why it cannot do more. What was deleted makes room within minutes, and mail
// flows again without anybody's help.
func TestStartOnAFullDisk(t *testing.T) {
	needRoot(t)
	need(t, "mkfs.ext4", "mount")
	const messages, size = 24, 256 << 10 // files, not rows of the database
	dir := t.TempDir()
	smallDisk(t, filepath.Join(dir, "data"), 64<<20)
	pr := serve(t, peer.Posthorn{Dir: dir, Plaintext: true, Config: "[check]\nspf = false\ndkim = false\ndmarc = false\n"})
	content := append([]byte("From: a@elsewhere.invalid\r\nSubject: large\r\n\r\n"), bytes.Repeat([]byte("a line of text\r\n"), size/16)...)
	for range messages {
		if err := sendPlain(pr.SMTP, pr.Users[:1], content); err != nil {
			t.Fatal(err)
		}
	}
	pr.Signal(syscall.SIGTERM)
	w := &loaded{T: t, pr: pr}
	ballast := filepath.Join(dir, "data", "lost+found", "ballast")
	if err := os.MkdirAll(ballast, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.fillOctets(ballast)
		if err := pr.Serve(); err != nil {
			t.Fatal(err)
		}
		w.fillOctets(ballast) // what the start gave back
		readOnFullDisk(t, pr, messages, len(content))
		if err := sendPlain(pr.SMTP, pr.Users[:1], content); err == nil || !strings.Contains(err.Error(), `452 "4.3.1 `) {
			t.Errorf("a stranger was told %v", err)
		}
		if out, err := pr.Verb("", "user", "list"); err != nil || !strings.Contains(out, pr.Users[0]) {
			t.Errorf("user list: %v %s", err, out)
		}
		pr.Signal(syscall.SIGTERM)
	}
	w.fillOctets(ballast)
	// The verbs open the store themselves while no server runs.
	if out, err := pr.Verb("", "user", "show", pr.Users[0]); err != nil {
		t.Errorf("user show: %v %s", err, out)
	}
	if err := pr.Serve(); err != nil {
		t.Fatal(err)
	}
	c := login(t, pr, pr.Users[0])
	defer c.Close()
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	store := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagDeleted}}
	if err := c.Store(imap.SeqSet{imap.SeqRange{Start: 1, Stop: messages}}, store, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Expunge().Collect(); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("POSTHORN_KILLS") == "" { // the rest takes minutes
		return
	}
	eventually(t, "mail flows again", 5*time.Minute, func() bool { return sendPlain(pr.SMTP, pr.Users[:1], content) == nil })
}

func login(t *testing.T, pr *peer.Process, user string) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialInsecure(pr.IMAP, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Login(user, testPassword).Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

// readOnFullDisk holds that all mail can be read in full, and a flag be set.
func readOnFullDisk(t *testing.T, pr *peer.Process, messages, size int) {
	t.Helper()
	c := login(t, pr, pr.Users[0])
	defer c.Close()
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	all := imap.SeqSet{imap.SeqRange{Start: 1, Stop: uint32(messages)}}
	got, err := c.Fetch(all, &imap.FetchOptions{Envelope: true, BodySection: []*imap.FetchItemBodySection{{}}}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != messages {
		t.Errorf("%d messages", len(got))
	}
	for _, m := range got {
		if m.Envelope == nil || m.Envelope.Subject != "large" || len(m.BodySection) != 1 || len(m.BodySection[0].Bytes) < size {
			t.Errorf("message %d is not what was sent", m.SeqNum)
		}
	}
	flags := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}}
	if err := c.Store(all, flags, nil).Close(); err != nil {
		t.Fatal(fmt.Errorf("set a flag: %w", err))
	}
}
