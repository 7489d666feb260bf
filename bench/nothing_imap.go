package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// nothingIMAP has one mailbox, the same under any name, and every message of it
// is the same.
type nothingIMAP struct{ nothingConn }

const nothingExists = 1000

var (
	nothingMessage = bytes.Repeat([]byte("the mail arrives when nobody waits for it and a letter of two pages\r\n"), 170)
	nothingHeader  = bytes.Repeat([]byte("Subject: nobody waits for it and a letter of two pages\r\n"), 9)
)

func (c *nothingIMAP) serve() {
	c.w.WriteString("* OK [CAPABILITY IMAP4rev1 UIDPLUS MOVE IDLE] nothing\r\n")
	for {
		line, err := c.line()
		if err != nil {
			return
		}
		if c.command(strings.Fields(string(line))) != nil {
			c.w.Flush()
			return
		}
	}
}

// command answers one; an error ends the connection.
func (c *nothingIMAP) command(f []string) error {
	if len(f) < 2 {
		return io.ErrUnexpectedEOF
	}
	tag, verb, args := f[0], strings.ToUpper(f[1]), f[2:]
	if verb == "UID" && len(args) > 0 {
		verb, args = strings.ToUpper(args[0]), args[1:]
	}
	code, err := c.untagged(verb, args)
	if err == nil {
		fmt.Fprintf(c.w, "%s OK %sdone\r\n", tag, code)
	}
	if verb == "LOGOUT" {
		err = io.EOF
	}
	return err
}

// untagged says what comes before the tagged response, and gives that one's
// code.
func (c *nothingIMAP) untagged(verb string, args []string) (code string, err error) {
	last := func() string { return strings.Join(args, " ") }
	switch verb {
	case "SELECT":
		fmt.Fprintf(c.w, "* %d EXISTS\r\n", nothingExists)
	case "STATUS":
		fmt.Fprintf(c.w, "* STATUS %s (MESSAGES %d)\r\n", args[0], nothingExists)
	case "SEARCH":
		c.w.WriteString("* SEARCH 1 2 3 4 5 6 7 8 9 10\r\n")
	case "STORE":
		c.w.WriteString("* 1 FETCH (FLAGS (\\Seen))\r\n")
	case "FETCH":
		c.fetch(args[0], last())
	case "COPY", "MOVE":
		code = "[COPYUID 1 1 1] "
	case "APPEND":
		n := literal([]byte(last() + "\r\n"))
		c.w.WriteString("+ go ahead\r\n")
		if err := c.w.Flush(); err != nil {
			return "", err
		}
		_, err := c.r.Discard(n + 2)
		return "[APPENDUID 1 1] ", err
	case "IDLE":
		c.w.WriteString("+ idling\r\n")
		_, err := c.line() // DONE
		return "", err
	}
	return code, nil
}

// fetch answers for each message of a set such as 5 or 5:8.
func (c *nothingIMAP) fetch(set, items string) {
	first, last, many := strings.Cut(set, ":")
	from, _ := strconv.Atoi(first)
	to := from
	if many {
		to, _ = strconv.Atoi(last)
	}
	for n := from; n <= to; n++ {
		switch {
		case strings.Contains(items, "HEADER.FIELDS"):
			fmt.Fprintf(c.w, "* %d FETCH (UID %[1]d RFC822.SIZE 10000 FLAGS (\\Seen) BODY[HEADER.FIELDS (X)] {%d}\r\n", n, len(nothingHeader))
			c.w.Write(nothingHeader)
			c.w.WriteString(")\r\n")
		case strings.Contains(items, "BODY"):
			fmt.Fprintf(c.w, "* %d FETCH (UID %[1]d BODY[] {%d}\r\n", n, len(nothingMessage))
			c.w.Write(nothingMessage)
			c.w.WriteString(")\r\n")
		default:
			fmt.Fprintf(c.w, "* %d FETCH (UID %[1]d FLAGS (\\Seen))\r\n", n)
		}
	}
}
