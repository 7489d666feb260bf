package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"posthorn/interop/peer"
)

// imapConn is a line client that throws away what it does not need, so that
// what is measured is the server.
type imapConn struct {
	net.Conn
	r      *bufio.Reader
	tag    int
	octets int64   // of literals
	keep   *[]byte // where the next literal goes; nil: it is thrown away
	tagged string  // what the last tagged response said
}

// readers are used again: a login would else make one for a few lines.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 256<<10) }}

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
	c := &imapConn{Conn: nc, r: readers.Get().(*bufio.Reader)}
	c.r.Reset(nc)
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
			if c.keep != nil {
				*c.keep = make([]byte, n)
				_, err = io.ReadFull(c.r, *c.keep)
			} else {
				_, err = c.r.Discard(n)
			}
			if err != nil {
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

// logout ends the connection; it is not used again.
func (c *imapConn) logout() error {
	err := c.do("LOGOUT", nil)
	c.Close()
	readers.Put(c.r)
	return err
}

// content runs a command that answers with one literal, and gives it.
func (c *imapConn) content(command string) (literal []byte, err error) {
	c.keep = &literal
	err = c.do(command, nil)
	c.keep = nil
	return literal, err
}
