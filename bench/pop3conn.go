package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"posthorn/interop/peer"
)

// pop3Conn is a client that does not pipeline and keeps nothing.
type pop3Conn struct {
	net.Conn
	r *bufio.Reader
}

func dialPOP3(s *peer.Server, user string) (*pop3Conn, error) {
	nc, err := tls.Dial("tcp", s.POP3S, &tls.Config{InsecureSkipVerify: true}) // a loopback server we started
	if err != nil {
		return nil, err
	}
	c := &pop3Conn{nc, bufio.NewReaderSize(nc, 32<<10)}
	err = c.ok()
	for _, command := range []string{"USER " + user, "PASS " + s.Password} {
		if err == nil {
			err = c.do(command)
		}
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

// do sends a command that is answered with one line.
func (c *pop3Conn) do(command string) error {
	if _, err := c.Write([]byte(command + "\r\n")); err != nil {
		return err
	}
	if err := c.ok(); err != nil {
		return fmt.Errorf("%.4s: %w", command, err)
	}
	return nil
}

func (c *pop3Conn) ok() error {
	line, err := c.r.ReadSlice('\n')
	if err == nil && !bytes.HasPrefix(line, []byte("+OK")) {
		err = fmt.Errorf("server answered %q", line)
	}
	return err
}

// lines sends a command that is answered with lines up to a dot.
func (c *pop3Conn) lines(command string, fn func(line []byte)) error {
	if err := c.do(command); err != nil {
		return err
	}
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		if len(line) == 3 && line[0] == '.' {
			return nil
		}
		fn(line)
	}
}
