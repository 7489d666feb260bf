package main

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"posthorn/interop/peer"
)

// The idlers workloads: what many connections that wait cost in memory, and how
// soon one of them hears of a message. Posthorn gets idlersPosthorn connections
// and a server of its own, with accounts enough for its default limit of
// connections for each; Dovecot, a process for each connection, as many as its
// default limit lets the users of the bench have.
const (
	idlersPosthorn = 5000
	idlersAccounts = 64
	idlersDovecot  = 160
	idlersNotices  = 50
)

// idleKind is what the clients did before they wait.
type idleKind struct {
	name, what          string
	tls, used, compress bool
}

// idlersWorkloads measure rest after the last login.
func idlersWorkloads(rest time.Duration) []workload {
	var out []workload
	for _, k := range []idleKind{
		{name: "idlers-plain", what: "just logged in, without TLS"},
		{name: "idlers-tls", what: "just logged in, with TLS", tls: true},
		{name: "idlers-used", what: "with TLS, after SELECT, 50 FETCHes and an APPEND", tls: true, used: true},
		{name: "idlers-compress", what: "with TLS and COMPRESS, after SELECT, 50 FETCHes and an APPEND", tls: true, used: true, compress: true},
	} {
		out = append(out, workload{name: k.name,
			what:    fmt.Sprintf("proportional set of waiting connections %v after the last, %s; then all IDLE, and messages come", rest, k.what),
			columns: []column{{"connections", more}, {"KiB each", less}, {"250 to EXISTS p50 ms", less}, {"worst ms", less}},
			round: func(s *peer.Server, scale float64) ([]float64, error) {
				return k.round(s, scale, rest)
			}})
	}
	return out
}

// round measures once. When it fails, what the server said about it is kept.
func (k idleKind) round(s *peer.Server, scale float64, rest time.Duration) (figures []float64, err error) {
	if s.Name != "posthorn" {
		return k.measure(s, int(idlersDovecot*scale), rest)
	}
	dir, err := os.MkdirTemp("", "crowd")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w (the server's log is in %s)", err, dir)
			return
		}
		os.RemoveAll(dir)
	}()
	own, err := crowdServer(dir)
	if err != nil {
		return nil, err
	}
	defer own.Stop()
	return k.measure(own, int(idlersPosthorn*scale), rest)
}

func (k idleKind) measure(s *peer.Server, n int, rest time.Duration) ([]float64, error) {
	if err := k.warm(s); err != nil {
		return nil, err
	}
	before, err := s.Usage()
	if err != nil {
		return nil, err
	}
	var crowd []*idler
	defer func() {
		for _, c := range crowd {
			c.Close()
		}
	}()
	for i := range n {
		c, err := k.dial(s, s.Users[i%len(s.Users)])
		if err != nil {
			return nil, fmt.Errorf("connection %d: %w", i+1, err)
		}
		crowd = append(crowd, c)
	}
	time.Sleep(rest) // what is measured is rest
	with, err := s.Usage()
	if err != nil {
		return nil, err
	}
	times, err := notices(s, crowd)
	if err != nil {
		return nil, err
	}
	return []float64{float64(n), float64(with.PSS-before.PSS) / 1024 / float64(n),
		times[len(times)/2].Seconds() * 1000, times[len(times)-1].Seconds() * 1000}, nil
}

// crowdServer is a Posthorn with accounts for all.
func crowdServer(dir string) (*peer.Server, error) {
	var many []string
	for i := range idlersAccounts * 5 / 4 {
		many = append(many, fmt.Sprintf("user%d", i+1))
	}
	return peer.Posthorn{Dir: filepath.Join(dir, "posthorn"), Hostname: "mail." + domain, Domain: domain, Users: many, Password: password,
		Plaintext: true, Config: "[limits]\nconnections = 6000\n[check]\nspf = false\ndkim = false\ndmarc = false\n"}.Start()
}

// warm does once for each user what the crowd will do, so that caches and
// mailboxes are not counted as a connection's.
func (k idleKind) warm(s *peer.Server) error {
	for _, u := range s.Users {
		c, err := k.dial(s, u)
		if err != nil {
			return err
		}
		if err := errors.Join(c.do("LOGOUT"), c.Close()); err != nil {
			return err
		}
	}
	return nil
}

// idler is a client with little memory of its own.
type idler struct {
	net.Conn
	r    *bufio.Reader
	user string
}

func (k idleKind) connect(s *peer.Server) (net.Conn, error) {
	if k.tls {
		return tls.Dial("tcp", s.IMAPS, &tls.Config{InsecureSkipVerify: true}) // a loopback server we started
	}
	return net.Dial("tcp", s.IMAP)
}

func (k idleKind) dial(s *peer.Server, user string) (*idler, error) {
	nc, err := k.connect(s)
	if err != nil {
		return nil, err
	}
	c := &idler{nc, bufio.NewReaderSize(nc, 512), user}
	greeting, err := c.r.ReadString('\n')
	if strings.Contains(greeting, " LOGINDISABLED") {
		err = errLacking{"login without TLS"}
	}
	commands := []string{"LOGIN " + user + " " + s.Password}
	if k.compress {
		commands = append(commands, "COMPRESS DEFLATE")
	}
	if k.used {
		commands = append(commands, "SELECT INBOX", "APPEND INBOX {23+}\r\nSubject: idle\r\n\r\nhello\r\n")
		commands = append(commands, slices.Repeat([]string{"FETCH 1 (FLAGS ENVELOPE BODY.PEEK[])"}, 50)...)
	}
	for _, command := range commands {
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

// do runs a command; a switch to compression it follows.
func (c *idler) do(command string) error {
	if _, err := io.WriteString(c, "t "+command+"\r\n"); err != nil {
		return err
	}
	for {
		l, err := c.r.ReadString('\n')
		switch {
		case err != nil:
			return fmt.Errorf("%.40s: %w", command, err)
		case strings.HasPrefix(l, "t OK"):
			if command == "COMPRESS DEFLATE" {
				z := &squeezed{Conn: c.Conn, r: flate.NewReader(c.Conn)}
				c.Conn, c.r = z, bufio.NewReaderSize(z, 512)
			}
			return nil
		case strings.HasPrefix(l, "t "):
			return fmt.Errorf("%.40s: %s", command, l)
		}
	}
}

// until reads lines up to one with this end.
func (c *idler) until(end string) error {
	for {
		l, err := c.r.ReadString('\n')
		if err != nil || strings.HasSuffix(l, end+"\r\n") || strings.HasPrefix(l, end) {
			return err
		}
	}
}

// squeezed is the client's end of a compressed connection. What goes out is
// stored, not compressed: 5,000 compressors would be the larger part of this
// program.
type squeezed struct {
	net.Conn
	r io.Reader
}

func (z *squeezed) Read(p []byte) (int, error) { return z.r.Read(p) }

func (z *squeezed) Write(p []byte) (int, error) {
	n := uint16(len(p)) // commands are short
	var b bytes.Buffer
	b.Write([]byte{0, byte(n), byte(n >> 8), byte(^n), byte(^n >> 8)})
	b.Write(p)
	_, err := z.Conn.Write(b.Bytes())
	return len(p), err
}

// notices has all of the crowd idle, delivers messages one by one, and gives how
// long each took from the 250 to the EXISTS, ascending.
func notices(s *peer.Server, crowd []*idler) ([]time.Duration, error) {
	for _, c := range crowd {
		if err := c.do("SELECT INBOX"); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(c, "t IDLE\r\n"); err != nil {
			return nil, err
		}
		if err := c.until("+ "); err != nil {
			return nil, err
		}
	}
	in, err := smtp.Dial(s.SMTP)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var times []time.Duration
	for i := range idlersNotices {
		c := crowd[i%len(s.Users)] // each user's first
		seen := make(chan time.Time, 1)
		failed := make(chan error, 1)
		go func() { // ends with the line, or with the connection
			if err := c.until(" EXISTS"); err != nil {
				failed <- err
			}
			seen <- time.Now()
		}()
		if err := deliver(in, c.user); err != nil {
			return nil, err
		}
		done := time.Now()
		select {
		case at := <-seen:
			times = append(times, max(0, at.Sub(done)))
		case err := <-failed:
			return nil, err
		case <-time.After(10 * time.Second):
			return nil, errors.New("no EXISTS within ten seconds")
		}
	}
	slices.Sort(times)
	return times, nil
}

func deliver(c *smtp.Client, user string) error {
	if err := errors.Join(c.Mail("sender@elsewhere.test"), c.Rcpt(user)); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	io.WriteString(w, "From: sender@elsewhere.test\r\nSubject: notice\r\n\r\nhello\r\n")
	return w.Close()
}
