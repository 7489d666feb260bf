// Package client speaks SMTP to one server over one connection.
//
// It owns the wire: replies read within bounds of time and size whatever the
// server sends, commands whose arguments cannot break out of their place,
// pipelining, STARTTLS on the same connection, login, and a result for each
// recipient. Which server, which policy and what to do next is decided above.
//
// A server's refusal is a mail.Reply, unaltered; whatever else goes wrong ends
// the connection (Broken).
//
// RFCs: 5321, 1870 (SIZE), 2920 (PIPELINING), 3207 (STARTTLS), 3461 (DSN), 4954
// (AUTH), 6152 (8BITMIME), 6531 (SMTPUTF8), 8689 (REQUIRETLS), 3030 (CHUNKING). Notable
// divergences: content with 8-bit octets is sent as it is to a server that does
// not offer 8BITMIME, and so are lines longer than the 998 octets of RFC 5321
// §4.5.3.1.6: what may be converted has been, above; a message
// in chunks is not pipelined with its envelope, as RFC 3030 would allow
// (chunks.go).
package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"posthorn/mail"
)

// Timeouts bound each phase. They are what RFC 5321 §4.5.3.2 asks for as a
// minimum, apart from Quit: by then all is said.
type Timeouts struct {
	Greeting, Command, DataInit, DataBlock, DataDone, Quit time.Duration
}

// DefaultTimeouts are those of RFC 5321 §4.5.3.2.
var DefaultTimeouts = Timeouts{
	Greeting:  5 * time.Minute,
	Command:   5 * time.Minute,
	DataInit:  2 * time.Minute,
	DataBlock: 3 * time.Minute,
	DataDone:  10 * time.Minute,
	Quit:      2 * time.Second,
}

// Conn is a session with a server. It belongs to one goroutine at a time.
type Conn struct {
	conn      net.Conn
	r         *bufio.Reader
	w         *bufio.Writer
	timeouts  Timeouts
	hostname  string            // ours, for EHLO
	offers    map[string]string // EHLO keywords in upper case, with their parameters; nil after HELO
	tls       bool
	cipher    string // version and cipher suite, once encrypted
	broken    bool
	unchunked bool // DATA, although CHUNKING is offered
	lostChunk bool
}

// New takes conn over; Close or Quit closes it. hostname is what EHLO says.
func New(conn net.Conn, hostname string, t Timeouts) *Conn {
	c := &Conn{hostname: hostname, timeouts: t}
	c.attach(conn)
	return c
}

func (c *Conn) attach(conn net.Conn) {
	c.conn = conn
	c.r = bufio.NewReaderSize(conn, 4096)
	c.w = bufio.NewWriterSize(conn, 4096)
}

// Broken tells that the session cannot go on.
func (c *Conn) Broken() bool { return c.broken }

// TLS tells whether the session is encrypted.
func (c *Conn) TLS() bool { return c.tls }

// Cipher names the TLS version and cipher suite, "TLS 1.3 TLS_AES_128_GCM_SHA256";
// it is empty for clear text.
func (c *Conn) Cipher() string { return c.cipher }

// LocalAddr is our address on the connection, the zero Addr when it has no IP
// address.
func (c *Conn) LocalAddr() netip.Addr {
	a, err := netip.ParseAddrPort(c.conn.LocalAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

// Offers tells whether EHLO's answer had a keyword, and its parameters.
func (c *Conn) Offers(keyword string) (params string, ok bool) {
	params, ok = c.offers[keyword]
	return params, ok
}

// AvoidChunking makes the session say DATA where the server offers CHUNKING.
func (c *Conn) AvoidChunking() { c.unchunked = true }

// LostAtChunk tells that the session ended in the middle of BDAT, without an answer
// or with one that is none: this server may be one of those that offer CHUNKING and
// cannot do it, or that stand behind something which cannot.
func (c *Conn) LostAtChunk() bool { return c.lostChunk }

// Greet reads the greeting.
func (c *Conn) Greet(ctx context.Context) error {
	defer c.attend(ctx)()
	reply, err := c.reply(ctx, c.timeouts.Greeting)
	if err != nil {
		return err
	}
	return c.expect(reply, 220)
}

// Hello says EHLO, and HELO to a server that does not know it.
func (c *Conn) Hello(ctx context.Context) error {
	defer c.attend(ctx)()
	c.offers = nil
	reply, err := c.command(ctx, "EHLO "+c.hostname)
	if err != nil {
		return err
	}
	if reply.Positive() {
		c.offers = parseOffers(reply.Text)
		return nil
	}
	if !reply.Permanent() {
		return c.expect(reply, 250)
	}
	if reply, err = c.command(ctx, "HELO "+c.hostname); err != nil {
		return err
	}
	return c.expect(reply, 250)
}

// StartTLS encrypts the session. A reply refuses and leaves it as it was; any
// other error ends it. Say Hello again afterwards: what the server offered in
// clear text is forgotten (RFC 3207 §4.2).
func (c *Conn) StartTLS(ctx context.Context, config *tls.Config) error {
	defer c.attend(ctx)()
	reply, err := c.command(ctx, "STARTTLS")
	if err != nil {
		return err
	}
	if err := c.expect(reply, 220); err != nil {
		return err
	}
	if c.r.Buffered() > 0 {
		return c.breakWith(fmt.Errorf("%w: it says more than 220 before the handshake", ErrGarbled))
	}
	return c.Handshake(ctx, config)
}

// Handshake encrypts the connection without asking, for servers where that
// comes before the greeting (RFC 8314 §3.3).
func (c *Conn) Handshake(ctx context.Context, config *tls.Config) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeouts.DataInit)
	defer cancel()
	tc := tls.Client(c.conn, config)
	if err := tc.HandshakeContext(ctx); err != nil {
		return c.breakWith(fmt.Errorf("TLS handshake: %w", err))
	}
	c.attach(tc)
	c.tls, c.offers = true, nil
	state := tc.ConnectionState()
	c.cipher = tls.VersionName(state.Version) + " " + tls.CipherSuiteName(state.CipherSuite)
	return nil
}

// Reset ends a transaction that was begun. A server that does not do it (RFC 5321
// §4.1.1.5: it must), or whose answer is that to something else, is not given
// another message on this session: what it said to that would be about this one.
func (c *Conn) Reset(ctx context.Context) {
	defer c.attend(ctx)()
	reply, err := c.command(ctx, "RSET")
	if err == nil && !reply.Positive() {
		c.broken = true
	}
}

// Quit takes leave and closes; it does not wait long.
func (c *Conn) Quit() {
	if !c.broken {
		ctx, cancel := context.WithTimeout(context.Background(), c.timeouts.Quit)
		defer cancel()
		defer c.attend(ctx)()
		c.command(ctx, "QUIT")
	}
	c.Close()
}

// Close closes the connection as it is.
func (c *Conn) Close() error {
	c.broken = true
	return c.conn.Close()
}

// expect makes an error of a reply that is not the code wanted.
func (c *Conn) expect(reply mail.Reply, code int) error {
	if reply.Code == code {
		return nil
	}
	if reply.Positive() || reply.Code/100 == 3 {
		return c.breakWith(fmt.Errorf("%w expected here: %s", ErrGarbled, reply))
	}
	return reply
}

func (c *Conn) command(ctx context.Context, line string) (mail.Reply, error) {
	if err := c.send(ctx, c.timeouts.Command, line); err != nil {
		return mail.Reply{}, err
	}
	return c.reply(ctx, c.timeouts.Command)
}

// send writes command lines and flushes.
func (c *Conn) send(ctx context.Context, timeout time.Duration, lines ...string) error {
	c.limit(ctx, timeout)
	for _, l := range lines {
		c.w.WriteString(l) // the error stays in w until Flush
		c.w.WriteString("\r\n")
	}
	if err := c.w.Flush(); err != nil {
		return c.breakWith(c.cause(ctx, err))
	}
	return nil
}

// reply reads one reply. 421 says that the server hangs up (RFC 5321 §3.8).
func (c *Conn) reply(ctx context.Context, timeout time.Duration) (mail.Reply, error) {
	c.limit(ctx, timeout)
	reply, err := readReply(c.r)
	if err != nil {
		return reply, c.breakWith(c.cause(ctx, err))
	}
	if reply.Code == 421 {
		c.broken = true
	}
	return reply, nil
}

// past is a deadline that ends whatever waits.
var past = time.Unix(1, 0)

// attend lets ctx end what the session waits for, until the function returned is
// called.
func (c *Conn) attend(ctx context.Context) func() bool {
	conn := c.conn
	return context.AfterFunc(ctx, func() { conn.SetDeadline(past) })
}

// limit sets the deadline of a phase. A ctx that ended before attend's hook has
// run is seen here; one that ends later is seen by the hook, which then comes
// after this deadline.
func (c *Conn) limit(ctx context.Context, d time.Duration) {
	c.conn.SetDeadline(time.Now().Add(d))
	if ctx.Err() != nil {
		c.conn.SetDeadline(past)
	}
}

// cause says why reading or writing failed: the context's end and a timeout
// look the same to the connection.
func (c *Conn) cause(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errors.New("the attempt took too long")
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("no answer in time")
	}
	return err
}

func (c *Conn) breakWith(err error) error {
	c.broken = true
	return err
}
