package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"posthorn/interop/peer"
)

// each calls fn with a connection of each user.
func each(s *peer.Server, fn func(user string, c *imapConn) error) error {
	for _, u := range s.Users {
		c, err := dialIMAP(s, u)
		if err != nil {
			return fmt.Errorf("%s: %w", u, err)
		}
		err = fn(u, c)
		c.logout()
		if err != nil {
			return fmt.Errorf("%s: %w", u, err)
		}
	}
	return nil
}

func emptyAll(s *peer.Server) error {
	return each(s, func(_ string, c *imapConn) error { return c.empty("INBOX") })
}

// empty expunges all messages of a mailbox.
func (c *imapConn) empty(box string) error {
	exists := false
	if err := c.do("SELECT "+box, func(l string) {
		exists = exists || strings.HasSuffix(l, "EXISTS\r\n") && !strings.HasPrefix(l, "* 0 ")
	}); err != nil || !exists {
		return err
	}
	if err := c.do(`STORE 1:* +FLAGS.SILENT (\Deleted)`, nil); err != nil {
		return err
	}
	return c.do("EXPUNGE", nil)
}

// messages asks how many there are in a mailbox.
func (c *imapConn) messages(box string) (n int, err error) {
	err = c.do("STATUS "+box+" (MESSAGES)", func(l string) {
		if _, rest, ok := strings.Cut(l, "(MESSAGES "); ok {
			n, _ = strconv.Atoi(strings.TrimRight(rest, ")\r\n"))
		}
	})
	return n, err
}

// inboxes are connections that look how many messages stand in the INBOX of
// each user. They are made before the clock starts.
type inboxes []*imapConn

func watchInboxes(s *peer.Server) (w inboxes, err error) {
	if s.Name == nothing {
		return nil, nil
	}
	for _, u := range s.Users {
		c, err := dialIMAP(s, u)
		if err != nil {
			w.logout()
			return nil, err
		}
		w = append(w, c)
	}
	return w, nil
}

func (w inboxes) logout() {
	for _, c := range w {
		c.logout()
	}
}

// wait returns when each INBOX holds as many messages as it should. It asks for
// one at a time, so that looking costs the server next to nothing.
func (w inboxes) wait(want []int) error {
	deadline := time.Now().Add(5 * time.Minute)
	for i, c := range w {
		for {
			n, err := c.messages("INBOX")
			if err != nil {
				return err
			}
			if n >= want[i] {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("after five minutes %d of %d messages stand in an INBOX", n, want[i])
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return nil
}

// address says which users message n of a run goes to, by their place.
type address func(n int) []int

// spread sends each message to k users in turn.
func spread(k, users int) address {
	return func(n int) []int {
		to := make([]int, k)
		for i := range to {
			to[i] = (n + i) % users
		}
		return to
	}
}

// counts is how many of n messages each user gets.
func (to address) counts(n, users int) []int {
	want := make([]int, users)
	for k := 1; k <= n; k++ {
		for _, u := range to(k) {
			want[u]++
		}
	}
	return want
}

var benchID = regexp.MustCompile(`<(\d+)\.(\d+)@bench\.invalid>`)

// tally is what was found: how often, by user and number of the message.
type tally []map[int]int

// verify looks that each of the n messages of a run stands once in the INBOX of
// each of its recipients, and in no other.
func verify(s *peer.Server, run int64, n int, to address) error {
	found := tally{}
	if err := each(s, func(_ string, c *imapConn) error {
		seen := map[int]int{}
		found = append(found, seen)
		if err := c.do("SELECT INBOX", nil); err != nil {
			return err
		}
		return c.do("UID FETCH 1:* (ENVELOPE)", func(l string) { // by UID: INBOX may be empty
			m := benchID.FindStringSubmatch(l)
			if m == nil {
				return
			}
			r, _ := strconv.ParseInt(m[1], 10, 64)
			if k, _ := strconv.Atoi(m[2]); r == run {
				seen[k]++
			}
		})
	}); err != nil {
		return err
	}
	return found.judge(n, to)
}

// judge tells of the first message that is not where it should be, once.
func (t tally) judge(n int, to address) error {
	want := make(tally, len(t))
	for u := range want {
		want[u] = map[int]int{}
	}
	for k := 1; k <= n; k++ {
		for _, u := range to(k) {
			want[u][k]++
		}
	}
	for u, seen := range t {
		for k := range want[u] {
			if seen[k] != 1 {
				return fmt.Errorf("message %d of %d stands %d times in the INBOX of user %d", k, n, seen[k], u+1)
			}
		}
		for k := range seen {
			if want[u][k] == 0 {
				return fmt.Errorf("message %d stands in the INBOX of user %d, to whom it was not sent", k, u+1)
			}
		}
	}
	return nil
}
