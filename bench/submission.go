package main

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"net"

	"posthorn/interop/peer"
)

// dialSubmission logs in as a mail program does: STARTTLS, then AUTH PLAIN.
func dialSubmission(s *peer.Server, user string) (*smtpConn, error) {
	nc, err := net.Dial("tcp", s.Submission)
	if err != nil {
		return nil, err
	}
	c := &smtpConn{nc, bufio.NewReader(nc)}
	if err := c.login(user, s.Password); err != nil {
		nc.Close()
		return nil, err
	}
	return c, nil
}

func (c *smtpConn) login(user, password string) error {
	if err := c.expect("2"); err != nil {
		return err
	}
	if err := c.do("EHLO bench.invalid", "2"); err != nil {
		return err
	}
	if err := c.do("STARTTLS", "2"); err != nil {
		return err
	}
	c.Conn = tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true}) // a loopback server we started
	c.r = bufio.NewReader(c.Conn)
	if err := c.do("EHLO bench.invalid", "2"); err != nil {
		return err
	}
	return c.do("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password)), "2")
}
