package imapd

import (
	"bufio"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"posthorn/mail"
	"posthorn/store"
)

// talker is a client that speaks in lines.
type talker struct {
	testing.TB
	net.Conn
	r    *bufio.Reader
	tags int
}

func (w *world) talk(commands ...string) *talker {
	w.t.Helper()
	c := &talker{TB: w.t, Conn: w.dial("")}
	w.t.Cleanup(func() { c.Close() })
	c.r = bufio.NewReader(c)
	for _, command := range commands {
		c.do(command)
	}
	return c
}

// do sends a command and gives all lines up to its tagged response.
func (c *talker) do(command string) (untagged, tagged string) {
	c.Helper()
	c.tags++
	c.SetDeadline(time.Now().Add(30 * time.Second))
	tag := fmt.Sprintf("t%d", c.tags)
	fmt.Fprintf(c, "%s %s\r\n", tag, command)
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.Fatalf("%s: %v after %q", command, err, line)
		}
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			return b.String(), rest
		}
		b.WriteString(line)
	}
}

// contents are the message files of the store.
func (w *world) contents(dir string) (files []string) {
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.Contains(path, "Maildir/") && strings.Contains(d.Name(), ",S=") {
			files = append(files, path)
		}
		return nil
	})
	return files
}

// A file that is missing, or of another size than its row says, fails its own
// FETCH only, and before a literal is announced.
func TestFetchOfADamagedStore(t *testing.T) {
	w := newWorld(t, tweaks{})
	for i := range 3 {
		// Large enough to have a file at once.
		w.deliver("alice", "INBOX", []byte(fmt.Sprintf("Subject: %d\r\n\r\nbody %d\r\n%s", i, i, strings.Repeat("more\r\n", 10_000))))
	}
	files := w.contents(filepath.Dir(t.TempDir())) // next to the store's folder
	if len(files) != 3 {
		t.Fatalf("%d message files", len(files))
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.Contains(string(b), "body 0"):
			err = os.Remove(f)
			defer os.WriteFile(f, b, 0o600) // or the check after the test would find it
		case strings.Contains(string(b), "body 1"):
			err = os.Truncate(f, 5)
			defer os.WriteFile(f, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c := w.talk("LOGIN alice secret", "SELECT INBOX")
	untagged, tagged := c.do("FETCH 1:3 (UID BODY.PEEK[])")
	if strings.Contains(untagged, "body 0") || !strings.Contains(untagged, "body 2") || strings.Count(untagged, "FETCH (") != 1 || !strings.HasPrefix(tagged, "NO [CORRUPTION] ") {
		t.Errorf("%q, %q", untagged, tagged)
	}
	if untagged, tagged := c.do("FETCH 1:3 (FLAGS RFC822.SIZE)"); strings.Count(untagged, "FETCH (") != 3 || !strings.HasPrefix(tagged, "OK ") {
		t.Errorf("%q, %q", untagged, tagged)
	}
	if untagged, tagged := c.do("SEARCH BODY body"); untagged != "* SEARCH 3\r\n" || !strings.HasPrefix(tagged, "OK ") {
		t.Errorf("%q, %q", untagged, tagged)
	}
}

// Another implementation reads the structure of odd mail: go-imap's client.
func TestGoIMAPClientReadsOddMail(t *testing.T) {
	w := newWorld(t, tweaks{})
	odd := []string{
		"", "|", "no header|", "Subject: gr\u00fc\u00dfe \"q\" \\|To: g: a@b, \"x|y@z|Date: never||body",
		"Content-Type: multipart/mixed||no boundary", "Content-Type: multipart/mixed; boundary=b||--b--|",
		"Content-Type: multipart/digest; boundary=b||--b||From: a@b||x|--b|--b--|",
		"Content-Type: message/rfc822||Content-Type: multipart/x; boundary=\"\"||",
		"Content-Type: message/rfc822|Content-Transfer-Encoding: base64||QTog|",
		"Content-Type: text/plain; name=\u00fc; x; y=\"|Content-Language: a, b|Content-Disposition: ;|Content-ID:|Content-MD5: x||",
		strings.Repeat("Content-Type: message/rfc822||", 300), "Content-Type: multipart/x; boundary=b||" + strings.Repeat("--b||x|", 500),
	}
	for _, m := range odd {
		w.deliver("alice", "INBOX", []byte(crlf(m)))
	}
	c := imapclient.New(w.dial(""), nil)
	defer c.Close()
	if err := c.Login("alice", "secret").Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	var all imap.SeqSet
	all.AddRange(1, uint32(len(odd)))
	got, err := c.Fetch(all, &imap.FetchOptions{
		Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, RFC822Size: true,
		BodySection: []*imap.FetchItemBodySection{{Peek: true}},
	}).Collect()
	if err != nil || len(got) != len(odd) {
		t.Fatalf("%d messages, %v", len(got), err)
	}
	for i, m := range got {
		if body := m.FindBodySection(&imap.FetchItemBodySection{Peek: true}); string(body) != crlf(odd[i]) || m.RFC822Size != int64(len(body)) {
			t.Errorf("message %d: %d octets, RFC822.SIZE %d, want %d", i+1, len(body), m.RFC822Size, len(crlf(odd[i])))
		}
		if m.BodyStructure == nil || m.Envelope == nil {
			t.Errorf("message %d: no structure", i+1)
		}
	}
}

// The first look of a client at a mailbox of 20,000, over a real store and a
// connection; digests are there already.
func BenchmarkFetchStore20000(b *testing.B) {
	const count, batch = 20_000, 500
	w := newWorld(b, tweaks{})
	a := w.account("alice")
	for at := 0; at < count; at += batch {
		var c store.Change
		for i := at; i < at+batch; i++ {
			text := fmt.Sprintf("Date: Sun, 1 Nov 2026 23:30:00 -0800\r\nFrom: \"Somebody Else\" <somebody%d@a.example>\r\nTo: Ann <ann@b.example>\r\nSubject: The subject of message %d\r\nMessage-ID: <%d@a.example>\r\n\r\nbody\r\n", i, i, i)
			blob, err := w.store.Put(b.Context(), &mail.Mail{Content: mail.Bytes(text)})
			if err != nil {
				b.Fatal(err)
			}
			c.Append = append(c.Append, store.Incoming{Blob: blob, Account: a.ID, Role: store.RoleInbox})
		}
		if _, err := w.store.Commit(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	c := w.talk("LOGIN alice secret", "SELECT INBOX", "FETCH 1:* ENVELOPE")
	for _, items := range []string{"FLAGS", "RFC822.SIZE", "ENVELOPE", "BODY.PEEK[HEADER.FIELDS (From To Subject Date)]", "BODY.PEEK[]"} {
		b.Run(items, func(b *testing.B) {
			for b.Loop() {
				if untagged, _ := c.do("FETCH 1:* " + items); strings.Count(untagged, "FETCH (") != count {
					b.Fatal("not all came")
				}
			}
			b.ReportMetric(float64(count*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
