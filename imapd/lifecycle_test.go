package imapd

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/serve"
	"posthorn/store"
)

// Stopping says BYE to who waits and to who idles, and Serve returns.
func TestShutdown(t *testing.T) {
	w := newWorld(t, tweaks{})
	waiting, idling, stranger := newClient(t, w, "waiting", "alice"), newClient(t, w, "idling", "bob"), w.dial("")
	defer stranger.Close()
	waiting.open()
	idling.open()
	idling.send("i IDLE")
	for idling.line() != "+ idling" {
	}
	w.stop()
	for _, cl := range []*client{waiting, idling} {
		if l := cl.line(); !strings.HasPrefix(l, "* BYE ") {
			t.Errorf("%s was told %q", cl.name, l)
		}
	}
}

// A store that cannot be asked is UNAVAILABLE; the connection goes on.
func TestStoreFails(t *testing.T) {
	w := newWorld(t, tweaks{})
	cl := newClient(t, w, "client", "alice")
	cl.open()
	w.closed = true
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"STATUS INBOX (MESSAGES)", "CREATE x", "LIST \"\" *", "EXPUNGE", "SELECT Sent", "GETQUOTA Account", "APPEND INBOX {1}"} {
		cl.send("a " + command)
		l := cl.line()
		for ; strings.HasPrefix(l, "* "); l = cl.line() {
		}
		if !strings.HasPrefix(l, "a NO [UNAVAILABLE] ") {
			t.Errorf("%s: %s", command, l)
		}
	}
	cl.do("LOGOUT")
}

// A line over the limit gets its tagged BAD and the next command runs; one
// without an end ends the session. What is legal passes: the longest ID before
// a login (RFC 2971 §3.3), a long UID set after it.
func TestLongLines(t *testing.T) {
	w := newWorld(t, tweaks{})
	cl := &client{t: t, name: "client", c: w.dial("")}
	cl.greeting()
	field := strings.Repeat("f", 30) + "%02d"
	var id []string
	for i := range 30 {
		id = append(id, fmt.Sprintf(`"`+field[2:]+`" "%s"`, i, strings.Repeat("v", 1024)))
	}
	cl.do("ID (%s)", strings.Join(id, " "))
	answer := func(command, want string) {
		t.Helper()
		cl.send(command)
		if l := cl.line(); !strings.HasPrefix(l, want) {
			t.Errorf("%.40s: %s", command, l)
		}
	}
	answer("a NOOP "+strings.Repeat("x", 50_000), "a BAD ")
	cl.do("LOGIN alice secret")
	cl.do("SELECT INBOX")
	cl.do("UID STORE %s1 +FLAGS.SILENT (\\Seen)", strings.Repeat("1000000000,", 5_000))
	answer("b UID STORE "+strings.Repeat("1000000000,", 7_000), "b BAD ")
	answer("c SELECT "+strings.Repeat("(", 60), "c BAD ")
	cl.send("i IDLE")
	for cl.line() != "+ idling" {
	}
	answer("d NOOP "+strings.Repeat("x", 70_000), "i OK ")
	if l := cl.line(); !strings.HasPrefix(l, "d BAD ") {
		t.Errorf("behind IDLE: %s", l)
	}
	cl.do("NOOP")

	stranger := &client{t: t, name: "stranger", c: w.dial("")}
	stranger.greeting()
	// No more than is read: what is left unread would make the kernel reset
	// the connection, and BYE could be lost.
	most := strangerLimits.Line + int(strangerLimits.Discard)
	stranger.c.Write(bytes.Repeat([]byte("x"), (most/readBuffer+1)*readBuffer))
	if l := stranger.line(); !strings.HasPrefix(l, "* BYE [TOOBIG]") {
		t.Errorf("a line without an end: %s", l)
	}
}

// bubble starts a session on a pipe in a synctest bubble and reads its lines.
func bubble(t *testing.T, w *world, ctx context.Context) (c net.Conn, said func() string) {
	mine, theirs := net.Pipe()
	go func() {
		w.server.handle(ctx, theirs, false)
		theirs.Close()
	}()
	buf := make([]byte, 64<<10)
	return mine, func() string {
		n, err := mine.Read(buf)
		if err != nil {
			return err.Error()
		}
		return string(buf[:n])
	}
}

// Who says nothing before a login is sent away, also one who says it an octet
// at a time.
func TestStrangerTimeout(t *testing.T) {
	for name, pace := range map[string]time.Duration{"nothing": time.Hour, "an octet every ten seconds": 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := &world{}
			w.server = New(DefaultConfig(), nil, w, nil, serve.Spools{}, slog.New(slog.DiscardHandler))
			c, said := bubble(t, w, t.Context())
			defer c.Close()
			start := time.Now()
			said()
			ended := make(chan struct{})
			go func() {
				for {
					select {
					case <-ended:
						return
					case <-time.After(pace):
						c.Write([]byte("a"))
					}
				}
			}()
			if l := said(); !strings.HasPrefix(l, "* BYE ") {
				t.Errorf("%s: the server said %q", name, l)
			}
			if took := time.Since(start); took != loginTime {
				t.Errorf("%s: BYE after %v", name, took)
			}
			close(ended)
		})
	}
}

// An idling client gets a sign of life every two minutes and is never logged
// out; one that waits without IDLE is, not before thirty minutes.
func TestIdleTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{}
		w.server = New(DefaultConfig(), nil, w, nil, serve.Spools{}, slog.New(slog.DiscardHandler))
		mine, theirs := net.Pipe()
		c := newConn(t.Context(), theirs, theirs)
		s := newSession(t.Context(), w.server, c, nil)
		c.member()
		s.state = member
		go func() { s.serve(); theirs.Close() }()
		buf := make([]byte, 4096)
		read := func() string {
			n, err := mine.Read(buf)
			if err != nil {
				return err.Error()
			}
			return string(buf[:n])
		}
		read()
		fmt.Fprint(mine, "i IDLE\r\n")
		read()
		start := time.Now()
		for range 60 {
			if l := read(); l != "* OK Still here\r\n" {
				t.Fatalf("the server said %q", l)
			}
		}
		if took := time.Since(start); took != 60*keepAlive {
			t.Errorf("60 signs of life took %v", took)
		}
		fmt.Fprint(mine, "DONE\r\n")
		if l := read(); l != "i OK IDLE completed\r\n" {
			t.Fatalf("the server said %q", l)
		}
		start = time.Now()
		if l := read(); !strings.HasPrefix(l, "* BYE Autologout") {
			t.Errorf("the server said %q", l)
		}
		if took := time.Since(start); took < 30*time.Minute {
			t.Errorf("autologout after %v", took)
		}
	})
}

// A session that waits holds no buffer, and a selected mailbox is held as long
// as somebody has it selected.
func TestWaitingHoldsNothing(t *testing.T) {
	w := newWorld(t, tweaks{})
	w.deliver("alice", "INBOX", []byte("Subject: a\r\n\r\n"))
	mine, theirs := net.Pipe()
	defer mine.Close()
	c := newConn(t.Context(), theirs, theirs)
	s := newSession(t.Context(), w.server, c, nil)
	done := make(chan struct{})
	go func() { s.serve(); close(done) }()
	cl := &client{t: t, name: "client", c: mine}
	cl.greeting()
	cl.do("LOGIN alice secret")
	cl.open()
	cl.send("i IDLE")
	for cl.line() != "+ idling" {
	}
	for !c.idling.Load() { // it is about to wait
		time.Sleep(time.Millisecond)
	}
	if c.held || c.r != nil || c.w != nil { // written before idling was set
		t.Error("buffers are held while the client idles")
	}
	w.server.boxes.mu.Lock()
	if n := len(w.server.boxes.open); n != 1 {
		t.Errorf("%d mailboxes are held", n)
	}
	w.server.boxes.mu.Unlock()
	mine.Close()
	<-done
	if n := len(w.server.boxes.open); n != 0 {
		t.Errorf("%d mailboxes are held after the session", n)
	}
	var none store.AccountID
	if len(w.server.sessions) != 0 || s.account == none {
		t.Error("the session is still counted")
	}
}
