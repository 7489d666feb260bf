package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"posthorn/interop/peer"
)

// imapConn is a line client that throws away what it does not need, so that
// what is measured is the server.
type imapConn struct {
	net.Conn
	r      *bufio.Reader
	tag    int
	octets int64  // of literals
	tagged string // what the last tagged response said
}

func dialIMAP(s *peer.Server, user string) (*imapConn, error) {
	nc, err := tls.Dial("tcp", s.IMAPS, &tls.Config{InsecureSkipVerify: true}) // a loopback server we started
	if err != nil {
		return nil, err
	}
	return newIMAPConn(nc, s, user)
}

// dialPlain is dialIMAP without TLS.
func dialPlain(s *peer.Server, user string) (*imapConn, error) {
	nc, err := net.Dial("tcp", s.IMAP)
	if err != nil {
		return nil, err
	}
	return newIMAPConn(nc, s, user)
}

func newIMAPConn(nc net.Conn, s *peer.Server, user string) (*imapConn, error) {
	c := &imapConn{Conn: nc, r: bufio.NewReaderSize(nc, 256<<10)}
	greeting, err := c.r.ReadString('\n')
	if strings.Contains(greeting, " LOGINDISABLED") {
		err = errLacking{"login without TLS"}
	}
	if err == nil {
		err = c.do("LOGIN "+user+" "+s.Password, nil)
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

// do runs one command; each untagged line goes to line, literals left out.
func (c *imapConn) do(command string, line func(string)) error {
	if err := c.begin(command); err != nil {
		return err
	}
	return c.end(command, line)
}

func (c *imapConn) begin(command string) error {
	c.tag++
	_, err := fmt.Fprintf(c, "t%d %s\r\n", c.tag, command)
	return err
}

// end reads up to the tagged response.
func (c *imapConn) end(command string, line func(string)) error {
	tag := "t" + strconv.Itoa(c.tag)
	for {
		l, err := c.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return fmt.Errorf("%.100s: %w", command, err)
		}
		if rest, ok := strings.CutPrefix(string(l), tag+" "); ok && len(l) < 4096 {
			c.tagged = strings.TrimSpace(rest)
			if !strings.HasPrefix(rest, "OK") {
				return fmt.Errorf("%.100s: %s", command, c.tagged)
			}
			return nil
		}
		if line != nil {
			line(string(l))
		}
		if n := literal(l); n > 0 {
			c.octets += int64(n)
			if _, err := c.r.Discard(n); err != nil {
				return err
			}
		}
	}
}

// count runs one command and counts the untagged lines in which there is what.
func (c *imapConn) count(command, what string) (n int, err error) {
	err = c.do(command, func(l string) {
		if strings.Contains(l, what) {
			n++
		}
	})
	return n, err
}

// numbers runs a command of the SEARCH family and counts the numbers in its
// untagged response, of which the parentheses of THREAD are no part.
func (c *imapConn) numbers(command, response string) (n int, err error) {
	within, digit := false, false
	err = c.do(command, func(l string) { // the parts of one long line
		if rest, ok := strings.CutPrefix(l, "* "+response); ok {
			within, l = true, rest
		}
		for i := 0; i < len(l) && within; i++ {
			is := l[i] >= '0' && l[i] <= '9'
			if is && !digit {
				n++
			}
			digit, within = is, l[i] != '\n'
		}
	})
	return n, err
}

// can says whether the server announces a capability to this login.
func (c *imapConn) can(capability string) (can bool, err error) {
	err = c.do("CAPABILITY", func(l string) {
		can = can || slices.Contains(strings.Fields(strings.ToUpper(l)), capability)
	})
	return can, err
}

// proceed reads up to a continuation request.
func (c *imapConn) proceed(command string, line func(string)) error {
	for {
		l, err := c.r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		if strings.HasPrefix(l, "+") {
			return nil
		}
		if !strings.HasPrefix(l, "*") {
			return fmt.Errorf("%s: %s", command, strings.TrimSpace(l))
		}
		if line != nil {
			line(l)
		}
	}
}

// put appends one message.
func (c *imapConn) put(box string, message []byte, line func(string)) error {
	command := fmt.Sprintf("APPEND %s {%d}", box, len(message))
	err := c.begin(command)
	if err == nil {
		err = c.proceed(command, line)
	}
	if err == nil {
		_, err = c.Write(append(message, '\r', '\n'))
	}
	if err != nil {
		return err
	}
	return c.end(command, line)
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
