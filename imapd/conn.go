package imapd

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"posthorn/internal/serve"
)

// conn is the connection below a session: deadlines, buffers that exist only
// while there is something in them, and waking up.
//
// A session that waits holds no buffer: wait reads one octet into the conn
// itself, and only then are the buffers taken from their pools. There is no
// second goroutine either. Whoever wants the session's attention sets woken
// and a read deadline in the past; the session sets its own deadline first,
// then looks at woken, then reads, so that neither order of events loses the
// word. A deadline that passed for no reason of the session's is set again.
type conn struct {
	raw net.Conn // what deadlines are set on
	nc  net.Conn // raw, or TLS over it
	ctx context.Context

	r *bufio.Reader // always there, over an empty buffer while released
	w *bufio.Writer

	first    [1]byte // read by wait, not yet given to r
	hasFirst bool
	held     bool // r and w have buffers

	deflate *deflate // nil without COMPRESS

	quick    bool          // what comes is acknowledged at once
	limit    time.Duration // for each read within a command
	idling   atomic.Bool
	woken    atomic.Bool
	loginEnd time.Time // no read goes on beyond it; zero after the login
}

var (
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readBuffer) }}
	writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, writeBuffer) }}
)

// What wait says instead of giving an octet.
var (
	errWoken    = errors.New("woken")
	errTimeout  = errors.New("nothing was said for too long")
	errShutdown = errors.New("server is shutting down")
)

var past = time.Unix(1, 0)

func newConn(ctx context.Context, raw, nc net.Conn) *conn {
	c := &conn{raw: raw, nc: nc, ctx: ctx}
	c.stranger()
	return c
}

// hold makes sure that there are buffers.
func (c *conn) hold() {
	if c.held {
		return
	}
	c.r, c.w = readers.Get().(*bufio.Reader), writers.Get().(*bufio.Writer)
	c.r.Reset(reader{c})
	c.w.Reset(writer{c})
	c.held = true
}

// release gives the buffers back. Nothing may be in them.
func (c *conn) release() {
	if c.deflate != nil {
		c.deflate.release()
	}
	if !c.held {
		return
	}
	c.r.Reset(nil)
	c.w.Reset(nil)
	readers.Put(c.r)
	writers.Put(c.w)
	c.r, c.w, c.held = nil, nil, false
}

// buffered says whether the client sent more already.
func (c *conn) buffered() bool {
	return c.hasFirst || c.held && c.r.Buffered() > 0 || c.deflate != nil && c.deflate.in.Buffered()
}

// wake asks the session to look up from its wait. It may be called by any
// goroutine at any time.
func (c *conn) wake() {
	c.woken.Store(true)
	if c.idling.Load() {
		c.raw.SetReadDeadline(past)
	}
}

// wait returns when the client has said something, and holds no buffer until
// then. With wakeable it gives errWoken after a wake.
func (c *conn) wait(d time.Duration, wakeable bool) error {
	if c.buffered() {
		return nil
	}
	c.release()
	if wakeable {
		c.idling.Store(true)
		defer c.idling.Store(false)
	}
	if c.deflate != nil {
		return c.deflate.wait(c, d, wakeable)
	}
	n, err := c.read(c.first[:], d, wakeable)
	if n == 1 {
		c.hasFirst = true
		return nil
	}
	return err
}

// read is nc.Read with a deadline.
func (c *conn) read(p []byte, d time.Duration, wakeable bool) (int, error) {
	end := time.Now().Add(d)
	if !c.loginEnd.IsZero() && c.loginEnd.Before(end) {
		end = c.loginEnd
	}
	for {
		c.raw.SetReadDeadline(end)
		if c.ctx.Err() != nil {
			return 0, errShutdown
		}
		if wakeable && c.woken.Swap(false) {
			return 0, errWoken
		}
		n, err := c.nc.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if !time.Now().Before(end) {
			return 0, errTimeout
		}
	}
}

// stranger sets the time limits of one who has not logged in.
func (c *conn) stranger() { c.limit, c.loginEnd = loginTime, time.Now().Add(loginTime) }

// member ends them.
func (c *conn) member() { c.limit, c.loginEnd = readTime, time.Time{} }

// startTLS goes on over TLS. What the client sent in the clear behind its
// STARTTLS is dropped unread.
func (c *conn) startTLS(config *tls.Config) (*serve.Channel, error) {
	c.r.Reset(reader{c})
	c.hasFirst = false
	ctx, cancel := context.WithTimeout(c.ctx, loginTime)
	defer cancel()
	t, err := serve.Handshake(ctx, c.raw, config)
	if err != nil {
		return nil, err
	}
	c.nc = t
	return t, nil
}

// reader is what the bufio.Reader reads from. Before it may block it sends
// what was written: the client may be waiting for that.
type reader struct{ *conn }

func (r reader) Read(p []byte) (int, error) {
	if err := r.w.Flush(); err != nil {
		return 0, err
	}
	if r.deflate != nil {
		return r.deflate.read(r.conn, p)
	}
	return r.receive(p)
}

// receive gives octets as they came.
func (c *conn) receive(p []byte) (int, error) {
	if c.hasFirst && len(p) > 0 {
		c.hasFirst = false
		p[0] = c.first[0]
		return 1, nil
	}
	if c.quick {
		serve.QuickAck(c.raw)
	}
	return c.read(p, c.limit, false)
}

// writer is what the bufio.Writer writes to, in pieces that a slow client can
// take within the deadline.
type writer struct{ *conn }

func (w writer) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		piece := p[:min(len(p), writeBuffer)]
		if w.deflate != nil {
			err = w.deflate.write(w.conn, piece)
		} else {
			err = w.send(piece)
		}
		if err != nil {
			return written, err
		}
		written += len(piece)
		p = p[len(piece):]
	}
	return written, nil
}

// send writes octets as they are.
func (c *conn) send(piece []byte) error {
	d := writeTime
	if c.ctx.Err() != nil {
		d = drainTime
	}
	c.raw.SetWriteDeadline(time.Now().Add(d))
	_, err := c.nc.Write(piece)
	return err
}
