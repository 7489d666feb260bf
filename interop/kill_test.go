package interop

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"posthorn/interop/peer"
)

// TestKillUnderLoad kills the server in the middle of a load of 16
// connections, again and again. After each restart every message that got 250
// is there once, and the store is clean. A message whose reply was lost may be
// there once too (RFC 1047), never twice. POSTHORN_KILLS sets the rounds.
func TestKillUnderLoad(t *testing.T) {
	need(t, "python3")
	rounds := 5
	if v, err := strconv.Atoi(os.Getenv("POSTHORN_KILLS")); err == nil {
		rounds = v
	}
	pr := serve(t, peer.Posthorn{})
	acknowledged := map[string]bool{}
	sent := 0
	for round := range rounds {
		const conns = 16
		acks := make([][]string, conns)
		var wg sync.WaitGroup
		for c := range conns {
			wg.Go(func() { acks[c] = sendUntilCut(pr.SMTP, fmt.Sprintf("%d-%d", round, c)) })
		}
		// The load itself says when: some moments after it began.
		time.Sleep(time.Duration(300+137*round%700) * time.Millisecond)
		pr.Signal(syscall.SIGKILL)
		wg.Wait()
		for _, a := range acks {
			for _, id := range a {
				acknowledged[id] = true
				sent++
			}
		}
		if out, err := pr.Verb("", "check"); err != nil {
			t.Fatalf("round %d: check after the kill: %v\n%s", round, err, out)
		}
		if err := pr.Serve(); err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		for _, u := range pr.Users {
			for _, id := range strings.Fields(python(t, pr.Server, "ids.py", u)) {
				seen[id]++
			}
		}
		for id := range acknowledged {
			if seen[id] != 1 {
				t.Errorf("round %d: %s got 250 and is there %d times", round, id, seen[id])
			}
		}
		for id, n := range seen {
			if n > 1 {
				t.Errorf("round %d: %s is there %d times", round, id, n)
			}
		}
	}
	if sent < rounds*20 {
		t.Fatalf("only %d messages were acknowledged in %d rounds: that was no load", sent, rounds)
	}
	t.Logf("%d kills, %d messages acknowledged, each there once", rounds, sent)
}

// sendUntilCut sends messages on one connection until it breaks and gives the
// ids of those that got 250.
func sendUntilCut(addr, name string) (acknowledged []string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil
	}
	defer c.Close()
	r := bufio.NewReader(c)
	expect := func(class string) bool {
		for {
			l, err := r.ReadString('\n')
			if err != nil || !strings.HasPrefix(l, class) {
				return false
			}
			if l[3] == ' ' {
				return true
			}
		}
	}
	do := func(class, line string) bool {
		_, err := fmt.Fprint(c, line, "\r\n")
		return err == nil && expect(class)
	}
	if !expect("220") || !do("250", "EHLO load.test") {
		return nil
	}
	users := []string{"alice", "bob", "carol"}
	for n := 0; ; n++ {
		id := fmt.Sprintf("<%s-%d@load.test>", name, n)
		if !do("250", "MAIL FROM:<load@load.test>") || !do("250", "RCPT TO:<"+address(users[n%3])+">") || !do("354", "DATA") ||
			!do("250", "Message-ID: "+id+"\r\nSubject: load\r\n\r\n"+strings.Repeat("some text of a message\r\n", 100)+".") {
			return acknowledged
		}
		acknowledged = append(acknowledged, id)
	}
}
