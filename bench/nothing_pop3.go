package main

import (
	"bytes"
	"fmt"
)

// nothingPOP3 has a maildrop that is always full.
type nothingPOP3 struct{ nothingConn }

func (c *nothingPOP3) serve() {
	message := newStamped(stranger, dropSize)
	c.w.WriteString("+OK nothing\r\n")
	for {
		line, err := c.line()
		if err != nil {
			return
		}
		verb, rest, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		switch string(bytes.ToUpper(verb)) {
		case "STAT":
			fmt.Fprintf(c.w, "+OK %d %d\r\n", dropMessages, dropMessages*dropSize)
		case "UIDL":
			c.w.WriteString("+OK\r\n")
			for n := range dropMessages {
				fmt.Fprintf(c.w, "%d uid%d\r\n", n+1, n+1)
			}
			c.w.WriteString(".\r\n")
		case "RETR":
			n := 0
			for _, d := range rest {
				n = n*10 + int(d-'0')
			}
			c.w.WriteString("+OK\r\n")
			for _, part := range message.number(0, int64(n)) {
				c.w.Write(part)
			}
			c.w.WriteString(".\r\n")
		case "QUIT":
			c.w.WriteString("+OK\r\n")
			c.w.Flush()
			return
		default:
			c.w.WriteString("+OK\r\n")
		}
	}
}
