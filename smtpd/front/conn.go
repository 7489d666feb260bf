package front

import (
	"crypto/tls"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"posthorn/internal/serve"
	"posthorn/mail"
)

// Conn is one client's connection. go-smtp's goroutine owns it; what other
// goroutines touch stands below mu.
type Conn struct {
	cfg    *Config
	log    *slog.Logger
	raw    net.Conn // as accepted
	cur    net.Conn // raw, or TLS upon it
	tls    *serve.Channel
	remote net.Addr // behind a proxy: the client's
	input  buffer
	began  time.Time
	closed func() // tells the listener, once
	opened bool   // the greeting is being or has been said

	// What go-smtp sees.
	in    []byte   // of the command line it has yet to read
	buf   []byte   // backing of in
	part  []byte   // of a reply of several writes
	asked *command // what it has to answer; nil: nothing
	mode  mode

	// The session so far, as far as it decides what may come next.
	hello  bool // EHLO or HELO, since TLS began
	esmtp  bool // it was EHLO
	authed bool
	inMail bool
	rcpts  int // accepted
	path   mail.Path
	args   params
	body   body
	held   []byte // a command that ended a chunked message and is yet to be run

	cancelled *mail.Reply // why a SASL exchange was ended for the client; no Code: that has been said

	errors  int  // of syntax
	unknown int  // recipients
	slow    bool // the last recipient was one too many that is unknown

	out  []byte // replies on their way to the client
	asks bool   // the last of them asks for more: 354 or 334
	dead bool   // nothing more is read or written

	stop chan struct{} // closed when the server shuts down

	mu       sync.Mutex
	draining bool // the server is shutting down
	busy     bool // a transaction is open and will be finished
}

// mode is who is meant by what the client sends now.
type mode uint8

const (
	modeCommand mode = iota
	modeSASL         // a response to 334
	modeContent      // the message, after 354 or in BDAT
)

// New makes the front of an accepted connection. Nothing is read or written
// until go-smtp greets.
func New(raw net.Conn, cfg *Config) *Conn {
	c := &Conn{cfg: cfg, log: cfg.Log, raw: raw, remote: raw.RemoteAddr(), began: time.Now(), closed: func() {}, stop: make(chan struct{})}
	c.use(raw)
	return c
}

func (c *Conn) use(nc net.Conn) {
	c.cur = nc
	c.input.reset(nc)
}

// TLS gives the state of TLS, nil in the clear.
func (c *Conn) TLS() *tls.ConnectionState {
	if c.tls == nil {
		return nil
	}
	s := c.tls.ConnectionState()
	return &s
}

// Channel is what a login may be bound to, nil in the clear.
func (c *Conn) Channel() *serve.Channel { return c.tls }

// ESMTP tells whether the client said EHLO and not HELO.
func (c *Conn) ESMTP() bool { return c.esmtp }

// Path is the path of the MAIL or RCPT that go-smtp is working at, with its
// quoting understood, which go-smtp loses. `<Postmaster>` has no domain.
func (c *Conn) Path() mail.Path { return c.path }

// Size is the SIZE parameter of the last MAIL, 0 when there was none.
func (c *Conn) Size() int64 { return c.args.size }

// LocalAddr is the address the client connected to.
func (c *Conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr is the client's address, as the proxy said when there is one.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline does nothing: the limits of Config rule.
func (c *Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

// Read gives go-smtp its next command, once there is one that may be run now.
func (c *Conn) Read(p []byte) (n int, err error) {
	defer c.guard(&err)
	for len(c.in) == 0 {
		if c.dead {
			return 0, errGone
		}
		if err := c.next(); err != nil {
			return 0, errGone
		}
	}
	n = copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

// next makes go-smtp's next input, or deals with a command by itself.
func (c *Conn) next() error {
	switch c.mode {
	case modeContent:
		c.in = endOfData // the session has taken the content from Content
		return nil
	case modeSASL:
		return c.response()
	}
	if c.asked != nil {
		return c.doubt("a command was not answered", c.asked.verb)
	}
	if held := c.held; held != nil {
		c.held = nil
		return c.command(held)
	}
	b, err := c.commandLine()
	if err != nil || b == nil {
		return err
	}
	return c.command(b)
}

var endOfData = []byte(".\r\n")

// pass gives go-smtp a command line.
func (c *Conn) pass(cmd *command, words ...string) {
	c.asked = cmd
	c.buf = c.buf[:0]
	for _, w := range words {
		c.buf = append(c.buf, w...)
	}
	c.buf = append(c.buf, crlf...)
	c.in = c.buf
}

// doubt ends a session about which go-smtp and front do not agree.
func (c *Conn) doubt(what, verb string) error {
	c.log.Error("smtp state in doubt", "what", what, "verb", verb, "peer", c.remote.String())
	return c.hangup(mail.LocalHangup)
}

// open begins the conversation: proxy header, TLS, early talkers. Once it
// returns nil the greeting may be said.
func (c *Conn) open() error {
	c.opened = true
	if c.listed(c.cfg.Proxies) {
		if err := c.proxied(); err != nil {
			return err
		}
	}
	if c.cfg.Implicit {
		if err := c.handshake(); err != nil {
			return err
		}
	}
	return c.early()
}

// Drain tells the client 421 as soon as it has no transaction to finish.
func (c *Conn) Drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining {
		return
	}
	c.draining = true
	close(c.stop)
	if !c.busy {
		c.raw.SetReadDeadline(time.Unix(1, 0))
	}
}

// setBusy says whether there is a transaction that a shutdown waits for.
func (c *Conn) setBusy(busy bool) {
	c.mu.Lock()
	c.busy = busy
	c.mu.Unlock()
}

// Close says what is left to say and closes the connection.
func (c *Conn) Close() error {
	if !c.dead {
		c.flush()
		c.dead = true
	}
	err := c.cur.Close()
	c.input.release()
	c.closed()
	return err
}

// guard turns a panic into the end of this connection: go-smtp calls Read
// outside of its own recovery.
func (c *Conn) guard(err *error) {
	if p := recover(); p != nil {
		c.log.Error("panic in smtp front", "panic", p, "stack", string(debug.Stack()))
		c.dead = true
		*err = errGone
	}
}
