package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"posthorn/interop/peer"
)

// imapConn is a line client that throws away what it does not need, so that
// what is measured is the server.
type imapConn struct {
	net.Conn
	r   *bufio.Reader
	tag int
}

func dialIMAP(s *peer.Server, user string) (*imapConn, error) {
	nc, err := tls.Dial("tcp", s.IMAPS, &tls.Config{InsecureSkipVerify: true}) // a loopback server we started
	if err != nil {
		return nil, err
	}
	c := &imapConn{Conn: nc, r: bufio.NewReaderSize(nc, 64<<10)}
	if _, err := c.r.ReadString('\n'); err != nil {
		return nil, err
	}
	return c, c.do("LOGIN "+user+" "+s.Password, nil)
}

// do runs one command; each untagged line goes to line, literals left out.
func (c *imapConn) do(command string, line func(string)) error {
	c.tag++
	tag := "t" + strconv.Itoa(c.tag)
	if _, err := io.WriteString(c, tag+" "+command+"\r\n"); err != nil {
		return err
	}
	for {
		l, err := c.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return fmt.Errorf("%s: %w", command, err)
		}
		if rest, ok := strings.CutPrefix(string(l), tag+" "); ok && len(l) < 4096 {
			if !strings.HasPrefix(rest, "OK") {
				return fmt.Errorf("%s: %s", command, strings.TrimSpace(rest))
			}
			return nil
		}
		if line != nil {
			line(string(l))
		}
		if n := literal(l); n > 0 {
			if _, err := c.r.Discard(n); err != nil {
				return err
			}
		}
	}
}

// literal gives n of a line that ends in {n}.
func literal(l []byte) int {
	if len(l) < 4 || l[len(l)-3] != '}' {
		return 0
	}
	i := strings.LastIndexByte(string(l), '{')
	n, _ := strconv.Atoi(string(l[i+1 : len(l)-3]))
	return n
}

func (c *imapConn) logout() {
	c.do("LOGOUT", nil)
	c.Close()
}

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
	return each(s, func(_ string, c *imapConn) error {
		exists := false
		if err := c.do("SELECT INBOX", func(l string) {
			exists = exists || strings.HasSuffix(l, "EXISTS\r\n") && !strings.HasPrefix(l, "* 0 ")
		}); err != nil || !exists {
			return err
		}
		if err := c.do(`STORE 1:* +FLAGS.SILENT (\Deleted)`, nil); err != nil {
			return err
		}
		return c.do("EXPUNGE", nil)
	})
}

// inboxes are connections that look how many messages stand in the INBOXes.
// They are made before the clock starts.
type inboxes []*imapConn

func watchInboxes(s *peer.Server) (w inboxes, err error) {
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

// wait returns when the INBOXes hold n messages together.
func (w inboxes) wait(n int) error {
	deadline := time.Now().Add(5 * time.Minute)
	for {
		total := 0
		for _, c := range w {
			if err := c.do("STATUS INBOX (MESSAGES)", func(l string) {
				if _, rest, ok := strings.Cut(l, "(MESSAGES "); ok {
					k, _ := strconv.Atoi(strings.TrimRight(rest, ")\r\n"))
					total += k
				}
			}); err != nil {
				return err
			}
		}
		if total >= n {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after five minutes %d of %d messages stand in their INBOX", total, n)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

var benchID = regexp.MustCompile(`<(\d+)\.(\d+)@bench\.invalid>`)

// verify looks that each of the n messages of a run is there once.
func verify(s *peer.Server, run int64, n int) error {
	seen := make([]int, n+1)
	if err := each(s, func(_ string, c *imapConn) error {
		if err := c.do("SELECT INBOX", nil); err != nil {
			return err
		}
		return c.do("FETCH 1:* (ENVELOPE)", func(l string) {
			m := benchID.FindStringSubmatch(l)
			if m == nil || m[1] != strconv.FormatInt(run, 10) {
				return
			}
			if k, _ := strconv.Atoi(m[2]); k <= n {
				seen[k]++
			}
		})
	}); err != nil {
		return err
	}
	for k, times := range seen[1:] {
		if times != 1 {
			return fmt.Errorf("message %d of %d stands %d times in its INBOX", k+1, n, times)
		}
	}
	return nil
}
