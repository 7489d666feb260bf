package front

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"posthorn/mail"
)

// body is the content of one message on its way in.
type body struct {
	scanner
	pace    pace
	chunked bool
	left    int64 // of the chunk
	last    bool  // it is the last one
	ended   bool  // all has been read
	aborted bool  // RSET or the like came between chunks
	spare   [2]byte
	carry   []byte // decoded, for want of room not yet given out
}

// errAborted tells the session that the client gave the message up. Like
// errGone it is net.ErrClosed: there will be no more of the content.
var errAborted = fmt.Errorf("smtp: the client ended the transaction: %w", net.ErrClosed)

// runData begins a message. RFC 2920 §3.1: DATA must be the last command of a
// batch; whoever sends more behind it does not wait for 354, and what it sends
// cannot be told from commands.
func (c *Conn) runData(cmd *command, _ string) error {
	if c.input.buffered() > 0 {
		return c.hangup(mail.EarlyData)
	}
	if c.rcpts == 0 {
		c.say(mail.BadSequence.With("There is no recipient"))
		return nil
	}
	c.body = body{scanner: scanner{dots: true, repair: c.cfg.Repair}, pace: pace{limits: &c.cfg.Limits}}
	c.pass(cmd, "DATA")
	return nil
}

// runBdat begins a chunked message (RFC 3030). go-smtp sees DATA.
func (c *Conn) runBdat(cmd *command, arg string) error {
	n, last, ok := parseChunk(arg)
	if !ok { // what follows cannot be told from commands
		c.say(mail.BadSyntax.With("BDAT needs a size"))
		return c.hangup(mail.TooManyErrors)
	}
	if !c.hello || c.rcpts == 0 {
		if err := c.skip(n); err != nil {
			return err
		}
		c.say(mail.BadSequence.With("There is no recipient"))
		return nil
	}
	c.body = body{scanner: scanner{repair: c.cfg.Repair}, pace: pace{limits: &c.cfg.Limits}, chunked: true, left: n, last: last}
	c.pass(cmd, "DATA")
	return nil
}

// parseChunk reads the argument of BDAT.
func parseChunk(arg string) (n int64, last, ok bool) {
	size, mark, has := strings.Cut(arg, " ")
	mark = strings.TrimLeft(mark, " ")
	if has && !strings.EqualFold(mark, "LAST") {
		return 0, false, false
	}
	u, err := strconv.ParseUint(size, 10, 63)
	return int64(u), has, err == nil
}

// answerContent hears 354, which lets the content flow, and later the reply to
// it. That goes out when the client has said all, whatever the session read.
func (c *Conn) answerContent(code int, b []byte) error {
	if code == 354 && c.mode == modeCommand {
		c.mode = modeContent
		if !c.body.chunked {
			c.out = append(c.out, "354 End data with <CR><LF>.<CR><LF>\r\n"...)
			c.asks = true
		}
		return nil
	}
	if c.mode != modeContent {
		return c.doubt("content was refused", c.asked.verb)
	}
	if err := c.drainBody(); err != nil {
		return err
	}
	aborted, replies := c.body.aborted, 1
	if c.cfg.LMTP {
		replies = c.rcpts
	}
	c.mode, c.asked = modeCommand, nil
	c.ended()
	if aborted {
		return nil
	}
	start := len(c.out)
	if err := c.relay(code, b); err != nil {
		return err
	}
	// The message is taken or refused for all of its recipients, and LMTP wants
	// to hear so for each (RFC 2033 §4.2).
	reply := c.out[start:]
	for range replies - 1 {
		c.out = append(c.out, reply...)
	}
	return nil
}

// drainBody passes over what the session did not read: of DATA all, of a
// chunked message the chunk at hand.
func (c *Conn) drainBody() error {
	b := &c.body
	if b.chunked {
		return c.skip(b.left)
	}
	var waste [512]byte
	for !b.ended {
		if _, err := c.readBody(waste[:]); err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}

// Content gives the session the message that go-smtp announces with Data: dots
// taken away, CRLF line ends, io.EOF at its one true end and never before. When
// the client gives up or the connection breaks, the error is net.ErrClosed.
func (c *Conn) Content() io.Reader { return contentReader{c} }

// Fault says what was wrong with the octets of the content: "" for nothing. It
// is complete when Content is at its end.
func (c *Conn) Fault() string { return c.body.fault }

type contentReader struct{ c *Conn }

func (r contentReader) Read(p []byte) (int, error) { return r.c.readBody(p) }

// readBody decodes content into p.
func (c *Conn) readBody(p []byte) (int, error) {
	b := &c.body
	if len(b.carry) == 0 {
		dst := p
		if len(dst) < len(b.spare) {
			dst = b.spare[:]
		}
		n, err := c.decode(dst)
		if err != nil || len(p) >= len(b.spare) {
			return n, err
		}
		b.carry = b.spare[:n]
	}
	n := copy(p, b.carry)
	b.carry = b.carry[n:]
	return n, nil
}

// decode waits for content and decodes it into dst, two octets or more.
func (c *Conn) decode(dst []byte) (int, error) {
	b := &c.body
	for {
		switch {
		case c.dead:
			return 0, errGone
		case b.ended:
			return 0, io.EOF
		case b.aborted:
			return 0, errAborted
		case b.chunked && b.left == 0 && b.last:
			b.ended = true
			return copy(dst, b.finish()), nil
		case b.chunked && b.left == 0:
			if err := c.nextChunk(); err != nil {
				return 0, err
			}
			continue
		}
		if c.input.buffered() == 0 {
			if err := b.pace.fill(c); err != nil {
				return 0, err
			}
		}
		src := c.input.unread()
		if b.chunked {
			src = src[:min(int64(len(src)), b.left)]
		}
		wrote, read := b.scan(dst, src)
		c.input.discard(read)
		b.pace.got(read)
		b.left -= int64(read)
		b.ended = b.state == atEnd
		if wrote > 0 {
			return wrote, nil
		}
	}
}

// nextChunk acknowledges a chunk and waits for the next one. Commands that
// change nothing are answered; those that end a transaction end this one, and
// are run once go-smtp has heard of it.
func (c *Conn) nextChunk() error {
	c.out = append(c.out, "250 2.0.0 Chunk taken\r\n"...)
	for {
		line, err := c.commandLine()
		if err != nil {
			return err
		}
		if line == nil {
			continue
		}
		cmd, arg := parse(line)
		switch {
		case cmd == nil || cmd.needs&aside != 0:
			if err := c.command(line); err != nil {
				return err
			}
		case cmd.verb == "BDAT":
			n, last, ok := parseChunk(arg)
			if !ok {
				c.say(mail.BadSyntax.With("BDAT needs a size"))
				return c.hangup(mail.TooManyErrors)
			}
			c.body.left, c.body.last = n, last
			return nil
		case cmd.needs&ends != 0:
			c.body.aborted = true
			c.held = append([]byte(nil), line...)
			return errAborted
		default:
			c.say(mail.BadSequence.With("A message is on its way"))
		}
	}
}
