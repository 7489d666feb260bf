package imapd

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"posthorn/store"
)

// piped is a client on a pipe: what it does not read, the server cannot write.
func piped(t *testing.T, w *world, name, login string) (cl *client, ended chan struct{}) {
	mine, theirs := net.Pipe()
	ended = make(chan struct{})
	go func() {
		w.server.handle(t.Context(), theirs, false)
		close(ended)
	}()
	t.Cleanup(func() { mine.Close(); <-ended })
	cl = &client{t: t, name: name, c: mine, r: bufio.NewReader(mine)}
	cl.greeting()
	cl.do("LOGIN %s secret", login)
	return cl, ended
}

// A client that asks for everything and reads nothing holds up neither
// deliveries nor other clients, and nothing piles up for it: when it reads again
// it is told what is, not all that was.
func TestNotifySlowReader(t *testing.T) {
	w := newWorld(t, tweaks{})
	w.deliver("alice", "misc", []byte("Subject: first\r\n\r\n"))
	slow, _ := piped(t, w, "slow", "alice")
	slow.do("NOTIFY SET (personal (MessageNew MessageExpunge FlagChange MailboxName))")
	brisk := newClient(t, w, "brisk", "alice")
	brisk.do("NOTIFY SET (mailboxes misc (MessageNew MessageExpunge))")
	const messages = 60
	for i := range messages {
		w.deliver("alice", "misc", fmt.Appendf(nil, "Subject: %d\r\n\r\n", i))
		want := fmt.Sprintf("(UIDNEXT %d MESSAGES %d ", i+3, i+2)
		for l := brisk.line(); !strings.Contains(l, want); l = brisk.line() {
		}
	}
	lines, want := 1, fmt.Sprintf("(UIDNEXT %d MESSAGES %d ", messages+2, messages+1)
	for l := slow.line(); !strings.Contains(l, want); l = slow.line() {
		if lines++; lines > messages/2 {
			t.Fatalf("told of %d states after %d deliveries", lines, messages)
		}
	}
	slow.do("NOOP")
}

// The sessions of an account share what they watch: after a commit it is read
// once for all of them, and when the last of them is gone so is it.
func TestNotifySharesTheDirectory(t *testing.T) {
	w := newWorld(t, tweaks{})
	w.deliver("alice", "misc", []byte("Subject: first\r\n\r\n"))
	var clients []*client
	for i := range 8 {
		cl := newClient(t, w, fmt.Sprint("client ", i), "alice")
		cl.do("NOTIFY SET (personal (MessageNew MessageExpunge))")
		clients = append(clients, cl)
	}
	d := w.server.trees.of(w.account("alice").ID)
	if d == nil || d.users != len(clients) {
		t.Fatalf("the directory is %+v", d)
	}
	before, err := d.tree(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.deliver("alice", "misc", []byte("Subject: second\r\n\r\n"))
	for _, cl := range clients {
		if l := cl.line(); !strings.HasPrefix(l, `* STATUS "misc" (UIDNEXT 3 MESSAGES 2 `) {
			t.Errorf("%s was told %s", cl.name, l)
		}
	}
	after, err := d.tree(t.Context())
	if again, e := d.tree(t.Context()); err != nil || e != nil || after == before || after != again {
		t.Errorf("%p, then %p and %p (%v, %v)", before, after, again, err, e)
	}
	clients[0].do("NOTIFY SET (selected (MessageNew MessageExpunge))") // no directory at all
	clients[1].do("NOTIFY NONE")
	for _, cl := range clients[2:] {
		cl.c.Close()
	}
	for end := time.Now().Add(20 * time.Second); w.server.trees.of(w.account("alice").ID) != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a directory is left without sessions")
		}
	}
}

func (s *directories) of(a store.AccountID) *directory {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[a]
}

// A mailbox that NOTIFY keeps as it is for a client may change in any way: what
// the client knows of goes on to have the same numbers.
func TestNotifySnapshot(t *testing.T) {
	w := newWorld(t, tweaks{})
	for i := range 10 {
		w.deliver("alice", "INBOX", fmt.Appendf(nil, "Subject: %d\r\n\r\n", i))
	}
	still, other := newClient(t, w, "still", "alice"), newClient(t, w, "other", "alice")
	still.open()
	other.open()
	still.do("NOTIFY SET (selected NONE) (personal (MessageNew MessageExpunge))")
	other.do(`STORE 2:4 +FLAGS (\Deleted)`)
	other.do("EXPUNGE")
	other.do("COPY 1 INBOX")
	other.do(`STORE 5 FLAGS (\Flagged)`) // UID 8
	before := still.model()
	for _, command := range []string{"UID FETCH 5:* (UID FLAGS)", "FETCH 5:10 (UID)", "UID SEARCH 1:10", "STATUS Sent (MESSAGES)", "CREATE x", "UID COPY 5 Sent"} {
		still.do("%s", command)
	}
	still.send("i IDLE")
	for l := still.line(); l != "+ idling"; l = still.line() {
	}
	other.do(`STORE 6 FLAGS (\Seen)`)
	still.send("DONE")
	for l := still.line(); !strings.HasPrefix(l, "i OK"); l = still.line() {
		still.told(l)
	}
	if got := still.model(); got != before {
		t.Errorf("it was\n%s\nand became\n%s", before, got)
	}
	still.do("NOOP")
	still.learn()
	if got, want := still.model(), w.inbox("alice"); got != want {
		t.Errorf("it believes\n%s\nbut the store has\n%s", got, want)
	}
}
