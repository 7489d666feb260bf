package imapd

import (
	"bufio"
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/store"
)

// leavings are moments at which a client may vanish. Each line is sent when the
// one before it was answered, by a tagged response or "+"; the last one is sent
// and nothing of its answer is read. A "%" line compresses what follows.
var leavings = map[string][]string{
	"greeting":             {""},
	"half a command":       {"a LOG"},
	"pipelined":            {strings.Repeat("a NOOP\r\n", 50)},
	"authenticating":       {"a AUTHENTICATE PLAIN\r\n", "AGFsaWNl"},
	"literal announced":    {"a LOGIN {5}\r\n", ""},
	"within a literal":     {"a LOGIN {5+}\r\nal"},
	"handshake":            {"a STARTTLS\r\n", "\x16\x03\x01\x02\x00\x01"},
	"logged in":            {"a LOGIN alice secret\r\n", ""},
	"selected":             {"a LOGIN alice secret\r\n", "b SELECT INBOX\r\n", "c FETCH 1 BODY["},
	"idle":                 {"a LOGIN alice secret\r\n", "b SELECT INBOX\r\n", "c IDLE\r\n", ""},
	"idle, not read":       {"a LOGIN alice secret\r\n", "b SELECT INBOX\r\n", "c IDLE\r\nDONE\r\nd IDLE\r\n"},
	"notify":               {"a LOGIN alice secret\r\n", "b NOTIFY SET STATUS (selected (MessageNew (BODY.PEEK[]) MessageExpunge)) (personal (MessageNew MessageExpunge MailboxName))\r\n", "c SELECT INBOX\r\n", ""},
	"contexts":             {"a LOGIN alice secret\r\n", "b SELECT INBOX\r\n", "c SEARCH RETURN (UPDATE) NOT BODY x\r\n", "d SORT RETURN (UPDATE) (SUBJECT) UTF-8 ALL\r\n", "e THREAD REFS UTF-8 ALL\r\n"},
	"fetching":             {"a LOGIN alice secret\r\n", "b SELECT INBOX\r\n", "c FETCH 1:* (BODY.PEEK[] BINARY.PEEK[1] ENVELOPE)\r\n"},
	"searching":            {"a LOGIN alice secret\r\n", "b SELECT INBOX\r\n", "c SEARCH OR FUZZY BODY wolrd BODY zz\r\n"},
	"searching everywhere": {"a LOGIN alice secret\r\n", "b ESEARCH IN (personal) BODY zz\r\n"},
	"appending":            {"a LOGIN alice secret\r\n", "b APPEND INBOX {100000+}\r\nSubject: never\r\n\r\nhalf"},
	"several appended":     {"a LOGIN alice secret\r\n", "b APPEND INBOX {3+}\r\nabc {3+}\r\ndef {30}\r\n", "never"},
	"catenating":           {"a LOGIN alice secret\r\n", "b SELECT INBOX\r\n", "c APPEND INBOX CATENATE (URL \"/INBOX/;UID=1\" TEXT {30}\r\n", "never"},
	"replacing":            {"a LOGIN alice secret\r\n", "b SELECT INBOX\r\n", "c REPLACE 1 INBOX {30}\r\n", "never"},
	"compressed":           {"a LOGIN alice secret\r\n", "b COMPRESS DEFLATE\r\n", "%", "c SELECT INBOX\r\n", "d IDLE\r\n", ""},
	"within a block":       {"a LOGIN alice secret\r\n", "b COMPRESS DEFLATE\r\n", "\x04\xc0"},
	"not compressed":       {"a LOGIN alice secret\r\n", "b COMPRESS DEFLATE\r\n", "c NOOP\r\n"},
	"unauthenticated":      {"a LOGIN alice secret\r\n", "b SELECT INBOX\r\n", "c UNAUTHENTICATE\r\n", "d AUTHENTICATE PLAIN\r\n", ""},
}

// leave plays one client that vanishes; with a reset, or as one does that has
// ended.
func leave(w *world, lines []string, reset bool) error {
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	if _, err := r.ReadString('\n'); err != nil {
		return err
	}
	packed := false
	for i, line := range lines {
		if line == "%" {
			r, packed = bufio.NewReader(flate.NewReader(r)), true
			continue
		}
		octets := []byte(line)
		if packed {
			var b bytes.Buffer
			z, _ := flate.NewWriter(&b, 1)
			z.Write(octets)
			z.Flush()
			octets = b.Bytes()
		}
		c.Write(octets) // an error shows when it is read
		if i == len(lines)-1 {
			break
		}
		for l := "*"; strings.HasPrefix(l, "*"); {
			if l, err = r.ReadString('\n'); err != nil {
				return fmt.Errorf("behind %q: %w", line, err)
			}
			if strings.Contains(l, " NO ") || strings.Contains(l, " BAD ") {
				return fmt.Errorf("behind %q: %s", line, l)
			}
		}
	}
	if reset {
		c.(*net.TCPConn).SetLinger(0)
	}
	return nil
}

// TestVanishingClients: whenever clients vanish, nothing stays of them: no
// goroutine, no file, no memory of appended messages (newWorld), no session, no
// mailbox held; and nothing half done is there.
func TestVanishingClients(t *testing.T) {
	w := newWorld(t, tweaks{})
	large := "Subject: large\r\n\r\n" + strings.Repeat(strings.Repeat("word ", 15)+"\r\n", 40_000)
	w.deliver("alice", "INBOX", []byte("Subject: small\r\n\r\nhello\r\n"))
	for range 3 {
		w.deliver("alice", "INBOX", []byte(large))
	}
	var names []string
	for name := range leavings {
		names = append(names, name)
	}
	goroutines, files := settled(w)
	rounds := 4
	for round := range rounds {
		var all sync.WaitGroup
		places := make(chan struct{}, 8)
		for _, i := range rand.Perm(len(names)) {
			all.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				if err := leave(w, leavings[names[i]], round%2 == 0); err != nil {
					t.Errorf("%s: %v", names[i], err)
				}
			})
		}
		all.Wait()
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		g, f := runtime.NumGoroutine(), openFiles()
		if g <= goroutines && f <= files && w.unused() {
			break
		}
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines and %d files, there were %d and %d; all mailboxes given back: %v\n%s", g, f, goroutines, files, w.unused(), stacks[:runtime.Stack(stacks, true)])
		}
	}
	next := newClient(t, w, "next", "alice")
	next.do("SELECT INBOX")
	if len(next.box) != 4 {
		t.Errorf("INBOX has %d messages", len(next.box))
	}
}

// settled is how many goroutines and files there are when the server has done
// all it does behind delivery.
func settled(w *world) (goroutines, files int) {
	for range 5 { // the first connections open what stays open
		if err := leave(w, leavings["fetching"], false); err != nil {
			w.t.Fatal(err)
		}
	}
	for {
		if _, _, complete, err := w.store.TextProgress(w.t.Context()); err != nil {
			w.t.Fatal(err)
		} else if complete && w.unused() {
			return runtime.NumGoroutine(), openFiles()
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// unused tells whether no session is left.
func (w *world) unused() bool {
	s := w.server
	s.mu.Lock()
	defer s.mu.Unlock()
	s.boxes.mu.Lock()
	defer s.boxes.mu.Unlock()
	s.gists.mu.Lock()
	defer s.gists.mu.Unlock()
	for _, k := range s.gists.boxes {
		if k.uses != 0 {
			return false
		}
	}
	return len(s.sessions) == 0 && len(s.boxes.open) == 0
}

func openFiles() int {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0 // there is no such folder on this system
	}
	return len(files)
}

// What others share counts against what NOTIFY watches only where it is asked
// for: nobody can keep everybody from it by sharing very much.
func TestNotifyCountsWhatItWatches(t *testing.T) {
	shared := func(name string, id store.MailboxID) *entry {
		return &entry{name: sharedPrefix + "bob@example.test/" + name, exists: true, box: store.Box{ID: id}}
	}
	all := &tree{entries: []*entry{{name: "INBOX", exists: true, box: store.Box{ID: 1}}, shared("a", 2), shared("b", 3), {name: "not there", subscribed: true}}}
	for _, tt := range []struct {
		groups []eventGroup
		want   int
	}{
		{nil, 0},
		{[]eventGroup{{mailboxFilter{word: "PERSONAL"}, messageEvents}}, 1},
		{[]eventGroup{{mailboxFilter{"SUBTREE", []string{"Shared"}}, messageNew}}, 2},
		{[]eventGroup{{mailboxFilter{word: "PERSONAL"}, messageNew}, {mailboxFilter{"MAILBOXES", []string{"INBOX", all.entries[1].name}}, mailboxName}}, 2},
	} {
		n := &notification{groups: tt.groups}
		if got := n.remember(all); got != tt.want {
			t.Errorf("%v: %d are watched, want %d", tt.groups, got, tt.want)
		}
	}
}
