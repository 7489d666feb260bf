package front

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"posthorn/mail"
)

// errGone ends a connection. It stands for io.EOF too, which go-smtp would take
// for the end of a chunk, and is net.ErrClosed, which go-smtp takes for a
// goodbye that needs no log line.
var errGone = fmt.Errorf("smtp: the connection is over: %w", net.ErrClosed)

// fill waits for at least one octet more than are buffered, until the deadline.
// Everything said so far goes out first: here a batch of replies ends.
func (c *Conn) fill(deadline time.Time) error {
	if err := c.flush(); err != nil {
		return err
	}
	if c.cfg.Session > 0 {
		if end := c.began.Add(c.cfg.Session); end.Before(deadline) {
			deadline = end
		}
	}
	if !c.arm(deadline) {
		return c.hangup(mail.ShuttingDown)
	}
	switch err := c.input.fill(); {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		if c.leaving() {
			return c.hangup(mail.ShuttingDown)
		}
		return c.hangup(mail.IdleTooLong)
	}
	c.dead = true
	return errGone
}

// arm sets the read deadline, unless the server is shutting down and this
// connection has no transaction to finish.
func (c *Conn) arm(t time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.draining && !c.busy {
		return false
	}
	c.raw.SetReadDeadline(t)
	return true
}

func (c *Conn) leaving() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining && !c.busy
}

// errTooLong is a line over its limit. The line has been passed over.
var errTooLong = errors.New("line too long")

// line reads one line, its end included, that is at most limit(line so far)
// octets long. The slice is valid until the next read.
func (c *Conn) line(limit func([]byte) int) ([]byte, error) {
	deadline := time.Now().Add(c.cfg.Idle)
	for {
		b := c.input.unread()
		i := bytes.IndexByte(b, '\n')
		most := limit(b)
		switch {
		case i >= 0 && i < most:
			c.input.discard(i + 1)
			return b[:i+1], nil
		case i >= most || len(b) >= most:
			return nil, c.overlong(deadline)
		}
		c.input.rest() // it may be for long
		if err := c.fill(deadline); err != nil {
			return nil, err
		}
	}
}

// overlong passes over the rest of a line that is too long. It says so before,
// as the rest may never come.
func (c *Conn) overlong(deadline time.Time) error {
	b := c.input.unread()
	if isAuth(b) || c.mode == modeSASL {
		c.say(mail.AuthLineTooLong)
	} else {
		c.say(mail.LineTooLong)
	}
	for passed := 0; passed < maxOverlong; {
		b := c.input.unread()
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			c.input.discard(i + 1)
			return errTooLong
		}
		passed += len(b)
		c.input.discard(len(b))
		if err := c.fill(deadline); err != nil {
			return err
		}
	}
	return c.hangup(mail.TooManyErrors)
}

// commandLimit is the limit of a command line that begins with b.
func commandLimit(b []byte) int {
	if isAuth(b) {
		return maxAuthLine
	}
	return maxCommand
}

func saslLimit([]byte) int { return maxAuthLine }

func isAuth(b []byte) bool { return len(b) >= 5 && bytes.EqualFold(b[:5], []byte("AUTH ")) }

// skip passes over n octets of a chunk that nobody wants.
func (c *Conn) skip(n int64) error {
	pace := pace{limits: &c.cfg.Limits}
	for n > 0 {
		if c.input.buffered() == 0 {
			if err := pace.fill(c); err != nil {
				return err
			}
		}
		k := int(min(n, int64(c.input.buffered())))
		c.input.discard(k)
		n -= int64(k)
		pace.got(k)
	}
	return nil
}

// pace holds a client to the minimum rate while content flows. Only time spent
// waiting for the client counts.
type pace struct {
	limits *Limits
	waited time.Duration
	octets int64
}

func (p *pace) got(n int) { p.octets += int64(n) }

func (p *pace) fill(c *Conn) error {
	wait := p.limits.Idle
	if p.limits.MinRate > 0 {
		due := p.limits.Grace + time.Duration(float64(p.octets)/float64(p.limits.MinRate)*float64(time.Second))
		wait = min(wait, due-p.waited)
	}
	c.input.widen()
	start := time.Now()
	err := c.fill(start.Add(wait))
	p.waited += time.Since(start)
	return err
}
