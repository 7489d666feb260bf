package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
)

// nothingSMTP is the MX port and submission of the server that does nothing.
type nothingSMTP struct {
	nothingConn
	tls *tls.Config
}

func (c *nothingSMTP) serve() {
	c.w.WriteString("220 nothing.test ESMTP\r\n")
	for {
		line, err := c.line()
		if err != nil || len(line) < 6 || !c.command(line) {
			c.w.Flush()
			return
		}
	}
}

func (c *nothingSMTP) command(line []byte) bool {
	switch string(bytes.ToUpper(line[:4])) {
	case "EHLO":
		c.w.WriteString("250-nothing.test\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n")
	case "STAR":
		c.w.WriteString("220 2.0.0 Go ahead\r\n")
		if c.w.Flush() != nil {
			return false
		}
		c.nothingConn = newNothingConn(tls.Server(c.Conn, c.tls))
	case "AUTH":
		c.w.WriteString("235 2.7.0 Ok\r\n")
	case "DATA":
		c.w.WriteString("354 Go ahead\r\n")
		if c.w.Flush() != nil || !c.data() {
			return false
		}
		c.w.WriteString("250 2.0.0 Ok: gone\r\n")
	case "QUIT":
		c.w.WriteString("221 2.0.0 Bye\r\n")
		return false
	default:
		c.w.WriteString("250 2.0.0 Ok\r\n")
	}
	return true
}

// data reads to the final dot.
func (c *nothingSMTP) data() bool {
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return false
		}
		if len(line) == 3 && line[0] == '.' {
			return true
		}
	}
}
