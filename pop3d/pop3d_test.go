package pop3d

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"posthorn/auth"
	"posthorn/internal/script"
	"posthorn/internal/serve"
	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/blank"
)

// world is a server on a real store, with the accounts alice, bob and full of
// example.test; each password is "secret".
type world struct {
	store    *store.Store
	server   *Server
	accounts map[string]store.AccountID
	tls      *tls.Config
	certs    *serve.Certificates
}

// secret is hashed once for all tests.
var secret = sync.OnceValues(func() (string, error) { return auth.Hash("secret") })

func newWorld(t testing.TB) *world {
	t.Helper()
	st := blank.Open(t, store.Options{})
	w := &world{store: st, accounts: map[string]store.AccountID{}, certs: serve.NewCertificates()}
	if err := st.AddDomain(t.Context(), store.Domain{Name: "example.test", Admin: "alice@example.test"}); err != nil {
		t.Fatal(err)
	}
	hash, err := secret()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"alice", "bob"} {
		a, err := st.AddAccount(t.Context(), name+"@example.test", hash, store.Quota{})
		if err != nil {
			t.Fatal(err)
		}
		w.accounts[name] = a.ID
	}
	certFile, keyFile, _, err := serve.SelfSigned(t.TempDir(), []string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.certs.Load(certFile, keyFile); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	w.server = New(DefaultConfig(), st, auth.New(st, auth.DefaultConfig(), log), w.certs.TLSConfig(), log)
	return w
}

// add puts a message into an INBOX.
func (w *world) add(t testing.TB, account, uidl string, content []byte) {
	t.Helper()
	b, err := w.store.Put(t.Context(), &mail.Mail{Content: mail.Bytes(content)})
	if err != nil {
		t.Fatal(err)
	}
	in := store.Incoming{Blob: b, Account: w.accounts[account], Role: store.RoleInbox, UIDL: uidl}
	if _, err := w.store.Commit(t.Context(), store.Change{Append: []store.Incoming{in}}); err != nil {
		t.Fatal(err)
	}
}

// listen serves until the test ends, or until stop was called.
func (w *world) listen(t *testing.T, implicitTLS bool) (addr string, stop func() error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	returned := make(chan error, 1)
	go func() { returned <- w.server.Serve(ctx, ln, implicitTLS) }()
	stop = func() error {
		cancel()
		err := <-returned
		returned <- err
		return err
	}
	t.Cleanup(func() { stop() })
	return ln.Addr().String(), stop
}

// inbox works on alice's INBOX as another program would: "expunge UID", "list",
// and answers one line.
func (w *world) inbox(c net.Conn) {
	defer c.Close()
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		box, err := w.store.Mailbox(context.Background(), w.accounts["alice"], "INBOX")
		if err != nil {
			fmt.Fprintf(c, "%v\r\n", err)
			return
		}
		if uid, ok := strings.CutPrefix(lines.Text(), "expunge "); ok {
			var u store.UID
			fmt.Sscan(uid, &u)
			_, err = box.Expunge(context.Background(), []store.UID{u}, true)
		}
		var uids []store.UID
		if err == nil {
			_, err = box.Rows(context.Background(), func(rows []store.Row) {
				for _, r := range rows {
					uids = append(uids, r.UID)
				}
			})
		}
		fmt.Fprintf(c, "%v %v\r\n", uids, err)
	}
}

func TestTranscripts(t *testing.T) {
	script.Run(t, "testdata/*.txtar", func(t *testing.T, fixtures []txtar.File) script.Dial {
		w := newWorld(t)
		for _, f := range fixtures { // account/uidl.eml, or account/uidl.unended.eml without the last CRLF
			uidl, unended := strings.CutSuffix(strings.TrimSuffix(path.Base(f.Name), ".eml"), ".unended")
			if unended {
				f.Data = bytes.TrimSuffix(f.Data, []byte("\r\n"))
			}
			w.add(t, path.Dir(f.Name), uidl, f.Data)
		}
		plain, _ := w.listen(t, false)
		secure, _ := w.listen(t, true)
		return func(name string) net.Conn {
			switch name {
			case "inbox":
				near, far := net.Pipe()
				go w.inbox(far)
				return near
			case "plain":
				c, err := net.Dial("tcp", plain)
				if err != nil {
					t.Fatal(err)
				}
				return c
			}
			c, err := tls.Dial("tcp", secure, &tls.Config{InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
	})
}

// Each row of the table is in the state it should be, and no other.
func TestLegalStates(t *testing.T) {
	for verb, want := range map[string]state{
		"capa": authorization | transaction, "quit": authorization | transaction,
		"USER": authorization, "PASS": authorization, "AUTH": authorization, "STLS": authorization, "UTF8": authorization,
		"STAT": transaction, "LIST": transaction, "UIDL": transaction, "RETR": transaction, "TOP": transaction,
		"DELE": transaction, "RSET": transaction, "NOOP": transaction, "LAST": 0, "APOP": 0, "": 0,
	} {
		for _, now := range []state{authorization, transaction} {
			if _, err := find(verb, now); (err == nil) != (want&now != 0) {
				t.Errorf("%q in state %d: %v", verb, now, err)
			}
		}
	}
}

type brokenStore struct{ maildrops }

func (brokenStore) LockMaildrop(context.Context, store.AccountID, string) (func(), error) {
	return nil, errors.New("disk on fire")
}

func TestFailingStoreIsTemporary(t *testing.T) {
	w := newWorld(t)
	w.server.store = brokenStore{}
	addr, _ := w.listen(t, true)
	got := converse(t, addr, "USER alice@example.test\r\nPASS secret\r\nSTAT\r\nQUIT\r\n")
	if !strings.Contains(got, "-ERR [SYS/TEMP]") || strings.Contains(got, "fire") || !strings.HasSuffix(got, "-ERR Log in first\r\n+OK Bye\r\n") {
		t.Errorf("got %q", got)
	}
}

// converse says all at once, over TLS, and reads to the end.
func converse(t *testing.T, addr, say string) string {
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, say); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("%q %v", got, err)
	}
	return string(got)
}

// An idle session ends with the server, and nothing is removed by that.
func TestShutdown(t *testing.T) {
	w := newWorld(t)
	w.add(t, "alice", "a", []byte("Subject: x\r\n\r\n"))
	addr, stop := w.listen(t, true)
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "USER alice@example.test\r\nPASS secret\r\nDELE 1\r\n")
	r := bufio.NewReader(c)
	for range 4 {
		if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "+OK") {
			t.Fatalf("%q %v", line, err)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	a, err := w.store.Account(t.Context(), w.accounts["alice"])
	if err != nil || a.Used.Messages != 1 {
		t.Errorf("%+v %v", a.Used, err)
	}
	release, err := w.store.LockMaildrop(t.Context(), a.ID, "test")
	if err != nil {
		t.Fatalf("the lock was kept: %v", err)
	}
	release()
}

// A connection lost before QUIT removes nothing and frees the lock (RFC 1939 §6).
func TestConnectionLost(t *testing.T) {
	w := newWorld(t)
	w.add(t, "alice", "a", []byte("Subject: x\r\n\r\n"))
	addr, _ := w.listen(t, true)
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "USER alice@example.test\r\nPASS secret\r\nDELE 1\r\n")
	r := bufio.NewReader(c)
	for range 4 {
		if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "+OK") {
			t.Fatalf("%q %v", line, err)
		}
	}
	c.Close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		release, err := w.store.LockMaildrop(t.Context(), w.accounts["alice"], "test")
		if err == nil {
			release()
			break
		}
		if !errors.Is(err, store.ErrLocked) || time.Now().After(deadline) {
			t.Fatalf("the lock was kept: %v", err)
		}
	}
	if a, err := w.store.Account(t.Context(), w.accounts["alice"]); err != nil || a.Used.Messages != 1 {
		t.Errorf("%+v %v", a.Used, err)
	}
}

// Neither a client that does not take its message nor one that never begins
// TLS keeps the server from ending.
func TestShutdownIsBounded(t *testing.T) {
	w := newWorld(t)
	w.server.drain = 50 * time.Millisecond
	w.add(t, "alice", "a", bytes.Repeat([]byte(strings.Repeat("x", 78)+"\r\n"), 500_000))
	addr, stop := w.listen(t, true)
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	mute, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	io.WriteString(c, "USER alice@example.test\r\nPASS secret\r\nRETR 1\r\n")
	r := bufio.NewReader(c)
	for range 5 { // the first line of the message has come: it is being sent
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	stopped := make(chan error)
	go func() { stopped <- stop() }()
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the server does not end")
	}
}

// QUIT says so when a removal fails.
func TestRemovalThatFails(t *testing.T) {
	w := newWorld(t)
	w.add(t, "alice", "a", []byte("Subject: x\r\n\r\n"))
	addr, _ := w.listen(t, true)
	c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(c, "USER alice@example.test\r\nPASS secret\r\nDELE 1\r\n")
	r := bufio.NewReader(c)
	for range 4 {
		if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "+OK") {
			t.Fatalf("%q %v", line, err)
		}
	}
	if err := w.store.RemoveAccount(t.Context(), w.accounts["alice"]); err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "QUIT\r\n")
	if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "-ERR [SYS/TEMP] ") {
		t.Errorf("%q %v", line, err)
	}
}

func TestIdleTimeout(t *testing.T) {
	w := newWorld(t)
	w.server.cfg.IdleTimeout = serve.Duration(50 * time.Millisecond)
	addr, _ := w.listen(t, true)
	if got := converse(t, addr, "USER alice@example.test\r\nPASS secret\r\nDELE 1\r\n"); !strings.HasSuffix(got, "-ERR There are 0 messages\r\n") {
		t.Errorf("got %q", got)
	}
}

// Lines end, whatever their length; a hostile one ends the session.
func TestLongLines(t *testing.T) {
	w := newWorld(t)
	addr, _ := w.listen(t, true)
	if got := converse(t, addr, strings.Repeat("x", maxLine-2)+"\r\nQUIT\r\n"); !strings.HasSuffix(got, "-ERR That is not a command\r\n+OK Bye\r\n") {
		t.Errorf("got %q", got)
	}
	if got := converse(t, addr, strings.Repeat("x", maxLine)); !strings.HasSuffix(got, "-ERR The line is too long\r\n") {
		t.Errorf("got %q", got)
	}
	if got := converse(t, addr, strings.Repeat("x\r\n", maxFaults)); strings.Count(got, "-ERR") != maxFaults {
		t.Errorf("got %q", got)
	}
}

// unstuff is what a client does (RFC 1939 §3).
func unstuff(s string) string {
	var b strings.Builder
	for line := range strings.SplitAfterSeq(s, "\n") {
		b.WriteString(strings.TrimPrefix(line, "."))
	}
	return b.String()
}

func TestStuff(t *testing.T) {
	long := strings.Repeat("a", writeSize)
	for _, c := range []struct {
		content string
		lines   int64
		want    string
	}{
		{"", everything, ""},
		{"A: b\r\n\r\n", everything, "A: b\r\n\r\n"},
		{"A: b\r\n\r\n.\r\n..x\r\n", everything, "A: b\r\n\r\n..\r\n...x\r\n"},
		{"A: b\r\n\r\nno end", everything, "A: b\r\n\r\nno end\r\n"},
		{".", everything, "..\r\n"},
		{"A: b\n\nbare\n", everything, "A: b\n\nbare\n\r\n"},
		{"A: b\n\n1\n2\n", 1, "A: b\n\n1\n\r\n"},
		{"A: b\r\n\r\n\r", everything, "A: b\r\n\r\n\r\r\n"},
		{"\r\n" + long[1:] + "\r\n", everything, "\r\n" + long[1:] + "\r\n"}, // its end is cut in two
		{"\r\n" + long + ".\r\n." + long + "\r\n", everything, "\r\n" + long + ".\r\n.." + long + "\r\n"},
		{"\r\n" + long, everything, "\r\n" + long + "\r\n"},
		{long + "\r\n\r\n1\r\n2\r\n", 1, long + "\r\n\r\n1\r\n"},
		{"A: b\r\n\r\n1\r\n2\r\n", 0, "A: b\r\n\r\n"},
		{"A: b\r\n\r\n1\r\n2\r\n", 2, "A: b\r\n\r\n1\r\n2\r\n"},
		{"A: b\r\n\r\n\r\n\r\n", 1, "A: b\r\n\r\n\r\n"},
		{"A: b\r\nno body\r\n", 0, "A: b\r\nno body\r\n"},
	} {
		var b bytes.Buffer
		w := bufio.NewWriter(&b)
		if err := stuff(w, strings.NewReader(c.content), c.lines); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		if b.String() != c.want {
			t.Errorf("%.40q, %d lines: got %.80q", c.content, c.lines, b.String())
		}
	}
}

// What a client takes apart is what was stored, and no line ends the message
// too early.
func FuzzStuff(f *testing.F) {
	f.Add("A: b\r\n\r\n.\r\n..\r\n")
	f.Add("\r\n" + strings.Repeat("x", writeSize) + "\r\n.\r\n")
	f.Fuzz(func(t *testing.T, content string) {
		var b bytes.Buffer
		w := bufio.NewWriter(&b)
		if err := stuff(w, strings.NewReader(content), everything); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		if got := unstuff(b.String()); got != content && got != content+"\r\n" {
			t.Errorf("%q came as %q", content, got)
		}
		if s := b.String(); s != "" && !strings.HasSuffix(s, "\r\n") {
			t.Errorf("%q does not end its last line", s)
		}
		if s := "\n" + b.String(); strings.Contains(s, "\n.\r\n") {
			t.Errorf("%q ends too early", b.String())
		}
	})
}

// What a client says before it has logged in breaks nothing and is always
// answered by lines of +OK, -ERR, capabilities or challenges.
func FuzzSession(f *testing.F) {
	f.Add("CAPA\r\nUSER a\r\nPASS b\r\nQUIT\r\n")
	f.Add("AUTH PLAIN\r\n=\r\nAUTH LOGIN =\r\n*\r\nAUTH\r\nSTLS\r\n")
	log := slog.New(slog.DiscardHandler)
	f.Fuzz(func(t *testing.T, say string) {
		s := newSession(New(DefaultConfig(), nil, auth.New(nil, auth.DefaultConfig(), log), nil, log), &canned{Reader: strings.NewReader(say)})
		s.run(t.Context(), false)
		out := s.conn.(*canned).out.String()
		if !strings.HasPrefix(out, "+OK POP3 ready\r\n") || !strings.HasSuffix(out, "\r\n") {
			t.Errorf("%q was answered %q", say, out)
		}
		if strings.Count(out, "-ERR") > maxFaults {
			t.Errorf("%q: too many faults", say)
		}
	})
}

// canned is a connection whose client has said everything already.
type canned struct {
	net.Conn
	io.Reader
	out bytes.Buffer
}

func (c *canned) Read(b []byte) (int, error)       { return c.Reader.Read(b) }
func (c *canned) Write(b []byte) (int, error)      { return c.out.Write(b) }
func (c *canned) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (c *canned) SetReadDeadline(time.Time) error  { return nil }
func (c *canned) SetWriteDeadline(time.Time) error { return nil }
func (c *canned) SetDeadline(time.Time) error      { return nil }
