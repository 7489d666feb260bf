// Package relaytest is an SMTP server for tests that says what its script says,
// so that every odd state of a real one can be played.
package relaytest

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// What a line of a script may end with, or be.
const (
	Close = "\x00close" // then hang up
	Stall = "\x00stall" // then say nothing more
)

// Script maps the beginning of a command line, in upper case, to the reply. The
// longest beginning that fits counts. "GREETING" is what comes first, "." is the
// end of the content, "CONTENT" what is done instead of reading it,
// "BDAT" the answer to a chunk that is not the last, "UNKNOWN BDAT" the answer to
// every BDAT of a server that then takes its octets for commands. What the
// script leaves out is answered by a well-behaved server.
type Script map[string]string

var polite = Script{
	"GREETING": "220 mx.test ESMTP",
	"EHLO":     "250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10000000",
	"HELO":     "250 mx.test",
	"MAIL":     "250 2.1.0 Ok",
	"RCPT":     "250 2.1.5 Ok",
	"DATA":     "354 Go on",
	"BDAT":     "250 2.0.0 More",
	".":        "250 2.0.0 Taken",
	"STARTTLS": "220 Ready",
	"AUTH":     "235 2.7.0 Welcome",
	"RSET":     "250 Ok",
	"QUIT":     "221 Bye" + Close,
	"":         "500 5.5.2 What?",
}

// Mail is one transaction that the server took.
type Mail struct {
	From string   // the MAIL line
	To   []string // the RCPT lines that were answered 2yz
	Data string   // dots unstuffed
	TLS  bool
	Conn int // which connection, from 1
}

// Server is a running server.
type Server struct {
	Addr string
	tls  *tls.Config

	mu     sync.Mutex
	script Script            // guarded by mu
	lines  []string          // guarded by mu
	mails  []Mail            // guarded by mu
	count  int               // guarded by mu
	conns  map[net.Conn]bool // guarded by mu
}

// Start listens on addr ("127.0.0.1:0" for any port) until the test ends. With
// config, STARTTLS and TLS from the first octet work (the latter by script key
// "TLS").
func Start(t testing.TB, addr string, script Script, config *tls.Config) *Server {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Addr: ln.Addr().String(), tls: config, script: script, conns: make(map[net.Conn]bool)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.count++
			n := s.count
			s.conns[c] = true
			s.mu.Unlock()
			wg.Go(func() { s.serve(c, n) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		s.HangUp()
		wg.Wait()
	})
	return s
}

// HangUp closes all connections.
func (s *Server) HangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// SetScript changes what is said from now on.
func (s *Server) SetScript(script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

// Lines are the command lines received so far.
func (s *Server) Lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines...)
}

// Mails are the transactions taken so far.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Connections tells how many there were.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

func (s *Server) reply(line string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	line = strings.ToUpper(line)
	for _, script := range []Script{s.script, polite} {
		best, found := "", ""
		for key, reply := range script {
			if strings.HasPrefix(line, key) && (key != "." || line == ".") && len(key) >= len(best) {
				best, found = key, reply
			}
		}
		if found != "" {
			return found
		}
	}
	return ""
}

// conversation is one connection.
type conversation struct {
	*Server
	c     net.Conn
	r     *bufio.Reader
	tls   bool
	mail  Mail
	soFar strings.Builder // the chunks that have come
}

func (s *Server) serve(c net.Conn, n int) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	v := &conversation{Server: s, c: c, mail: Mail{Conn: n}}
	if s.reply("TLS") != polite[""] {
		v.c, v.tls = tls.Server(c, s.tls), true
	}
	v.r = bufio.NewReader(v.c)
	if !v.say(s.reply("GREETING")) {
		return
	}
	for {
		line, err := v.r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		s.mu.Lock()
		s.lines = append(s.lines, line)
		s.mu.Unlock()
		if !v.command(line) {
			return
		}
	}
}

// say sends a reply and tells whether the conversation goes on.
func (v *conversation) say(reply string) bool {
	text, end, _ := strings.Cut(reply, "\x00")
	if text != "" {
		if !strings.HasSuffix(text, "\n") {
			text += "\r\n"
		}
		if _, err := v.c.Write([]byte(text)); err != nil {
			return false
		}
	}
	if "\x00"+end == Stall {
		for { // until the client or the test hangs up
			if _, err := v.r.ReadByte(); err != nil {
				return false
			}
		}
	}
	return end == ""
}

func (v *conversation) command(line string) bool {
	verb := strings.ToUpper(line)
	if strings.HasPrefix(verb, "BDAT ") {
		return v.chunk(strings.Fields(verb))
	}
	reply := v.reply(line)
	if !v.say(reply) {
		return false
	}
	ok := strings.HasPrefix(reply, "2")
	switch {
	case strings.HasPrefix(verb, "MAIL") && ok:
		v.mail = Mail{From: line, Conn: v.mail.Conn, TLS: v.tls}
	case strings.HasPrefix(verb, "RCPT") && ok:
		v.mail.To = append(v.mail.To, line)
	case verb == "DATA" && strings.HasPrefix(reply, "354"):
		return v.data()
	case verb == "STARTTLS" && ok:
		v.c, v.tls = tls.Server(v.c, v.Server.tls), true
		v.r = bufio.NewReader(v.c)
	}
	return true
}

func (v *conversation) data() bool {
	if instead := v.reply("CONTENT"); instead != polite[""] {
		return v.say(instead)
	}
	var b strings.Builder
	for {
		line, err := v.r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
	return v.end(b.String())
}

// chunk is one BDAT (RFC 3030).
func (v *conversation) chunk(words []string) bool {
	if unknown := v.reply("UNKNOWN BDAT"); unknown != polite[""] {
		return v.say(unknown)
	}
	size, err := strconv.Atoi(words[1])
	if err != nil {
		return v.say("501 5.5.4 How many?")
	}
	if _, err := io.CopyN(&v.soFar, v.r, int64(size)); err != nil {
		return false
	}
	if len(words) == 2 {
		return v.say(v.reply("BDAT"))
	}
	content := v.soFar.String()
	v.soFar.Reset()
	return v.end(content)
}

// end answers the end of the content.
func (v *conversation) end(content string) bool {
	reply := v.reply(".")
	if strings.HasPrefix(reply, "2") && len(v.mail.To) > 0 {
		v.mail.Data = content
		v.mu.Lock()
		v.mails = append(v.mails, v.mail)
		v.mu.Unlock()
	}
	v.mail = Mail{Conn: v.mail.Conn}
	return v.say(reply)
}
