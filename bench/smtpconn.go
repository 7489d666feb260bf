package main

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"time"

	"posthorn/interop/peer"
)

// smtpConn is the least client that does not pipeline. It shares the machine
// with the server, so it makes nothing anew for a message.
type smtpConn struct {
	net.Conn
	r   *bufio.Reader
	out []byte
}

// dialSMTP connects and says EHLO, within TLS if that is wanted.
func dialSMTP(addr string, within bool) (*smtpConn, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &smtpConn{Conn: nc, r: bufio.NewReader(nc)}
	err = c.expect('2')
	if err == nil {
		err = c.do("EHLO bench.invalid", '2')
	}
	if err == nil && within {
		err = c.startTLS()
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

func (c *smtpConn) startTLS() error {
	if err := c.do("STARTTLS", '2'); err != nil {
		return err
	}
	c.Conn = tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true}) // a loopback server we started
	c.r = bufio.NewReader(c.Conn)
	return c.do("EHLO bench.invalid", '2')
}

// dialSubmission logs in as a mail program does: STARTTLS, then AUTH PLAIN.
func dialSubmission(s *peer.Server, user string) (*smtpConn, error) {
	c, err := dialSMTP(s.Submission, true)
	if err != nil {
		return nil, err
	}
	if err := c.do("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+s.Password)), '2'); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// expect reads a reply of a class.
func (c *smtpConn) expect(class byte) error {
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) < 4 || line[0] != class {
			return fmt.Errorf("server answered %q", line)
		}
		if line[3] != '-' {
			return nil
		}
	}
}

// command sends one, which may come in parts, and reads its reply.
func (c *smtpConn) command(class byte, parts ...string) error {
	c.out = c.out[:0]
	for _, p := range parts {
		c.out = append(c.out, p...)
	}
	if _, err := c.Write(append(c.out, '\r', '\n')); err != nil {
		return err
	}
	if err := c.expect(class); err != nil {
		return fmt.Errorf("%s: %w", c.out, err)
	}
	return nil
}

func (c *smtpConn) do(line string, class byte) error { return c.command(class, line) }

// send sends a message in one transaction; what it times is from the final dot
// to its reply.
func (c *smtpConn) send(from string, to []string, content ...[]byte) (time.Duration, error) {
	if err := c.command('2', "MAIL FROM:<", from, ">"); err != nil {
		return 0, err
	}
	for _, rcpt := range to {
		if err := c.command('2', "RCPT TO:<", rcpt, ">"); err != nil {
			return 0, err
		}
	}
	if err := c.command('3', "DATA"); err != nil {
		return 0, err
	}
	parts := net.Buffers(append(content, []byte(".\r\n")))
	if _, err := parts.WriteTo(c.Conn); err != nil {
		return 0, err
	}
	begin := time.Now()
	err := c.expect('2')
	return time.Since(begin), err
}

func (c *smtpConn) quit() error {
	err := c.do("QUIT", '2')
	c.Close()
	return err
}
