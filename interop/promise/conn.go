package promise

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

// conn is a connection of lines. Each answer must come within hurry.
type conn struct {
	net.Conn
	r     *bufio.Reader
	hurry time.Duration
}

func dial(addr string, hurry time.Duration) (*conn, error) {
	nc, err := net.DialTimeout("tcp", addr, hurry)
	if err != nil {
		return nil, errors.New(err.Error()) // that nobody is there is no slow answer
	}
	c := &conn{hurry: hurry}
	c.over(nc)
	return c, nil
}

func (c *conn) over(nc net.Conn) { c.Conn, c.r = nc, bufio.NewReaderSize(nc, 64<<10) }

// secure is the TLS handshake after STARTTLS.
func (c *conn) secure() error {
	t := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true}) // a server that we started
	if err := t.Handshake(); err != nil {
		return err
	}
	c.over(t)
	return nil
}

func (c *conn) send(octets string) error {
	if err := c.SetDeadline(time.Now().Add(c.hurry)); err != nil {
		return err
	}
	_, err := io.WriteString(c.Conn, octets)
	return err
}

func (c *conn) line() (string, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.hurry)); err != nil {
		return "", err
	}
	l, err := c.r.ReadString('\n')
	if err != nil {
		return "", err
	}
	if len(l) > 1 && l[len(l)-2] == '\r' {
		return l[:len(l)-2], nil
	}
	return l[:len(l)-1], nil
}

// refusal is a negative answer: nothing was done.
type refusal string

func (r refusal) Error() string { return string(r) }

func isRefusal(err error) bool {
	var r refusal
	return errors.As(err, &r)
}
