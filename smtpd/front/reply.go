package front

import (
	"bytes"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"posthorn/internal/serve"
	"posthorn/mail"
)

// maxUnsent is how much of a batch of replies is kept before it goes out.
const maxUnsent = 8 << 10

// These bound how long and for how much more input a connection that
// front ends is kept half open, so that the last reply is not lost to a reset
// because of octets nobody read.
const (
	lingerTime   = 500 * time.Millisecond
	lingerOctets = 256 << 10
)

// say queues a reply of front's own.
func (c *Conn) say(r mail.Reply) {
	c.out = appendReply(c.out, r)
	c.judge(r.Code, r.X == unknownMailbox)
}

// appendReply writes a reply; each line carries the enhanced code (RFC 2034 §4).
func appendReply(b []byte, r mail.Reply) []byte {
	for text, more := r.Text, true; more; {
		var line string
		line, text, more = strings.Cut(text, "\n")
		b = strconv.AppendInt(b, int64(r.Code), 10)
		if more {
			b = append(b, '-')
		} else {
			b = append(b, ' ')
		}
		if r.X != (mail.EnhancedCode{}) {
			b = append(b, r.X.String()...)
			b = append(b, ' ')
		}
		b = append(b, line...)
		b = append(b, crlf...)
	}
	return b
}

// flush sends what has been said.
func (c *Conn) flush() error {
	if c.dead {
		return errGone
	}
	if len(c.out) == 0 {
		return nil
	}
	c.raw.SetWriteDeadline(time.Now().Add(c.cfg.Idle))
	_, err := c.cur.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		c.dead = true
		return errGone
	}
	if c.asks {
		c.asks = false
		serve.QuickAck(c.raw)
	}
	return nil
}

// hangup says r and ends the connection; it returns errGone.
func (c *Conn) hangup(r mail.Reply) error {
	if c.dead {
		return errGone
	}
	c.out = appendReply(c.out, r)
	if c.flush() == nil && r.Name != mail.ShuttingDown.Name {
		c.linger()
	}
	c.dead = true
	return errGone
}

// linger reads for a moment what the client still sends, after closing our half
// where that can be done: then the client need not wait.
func (c *Conn) linger() {
	if t := c.tls; t != nil {
		t.CloseWrite()
	}
	if half, ok := c.raw.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
	c.raw.SetReadDeadline(time.Now().Add(lingerTime))
	io.Copy(io.Discard, io.LimitReader(c.raw, lingerOctets))
}

// Write takes go-smtp's replies, a line or a piece of one at a time.
func (c *Conn) Write(p []byte) (n int, err error) {
	defer c.guard(&err)
	reply := p
	if len(c.part) > 0 || !isComplete(p) {
		c.part = append(c.part, p...)
		if !isComplete(c.part) {
			return len(p), nil
		}
		reply = c.part
		c.part = nil
	}
	if c.dead {
		return 0, net.ErrClosed
	}
	if err := c.answer(reply); err != nil {
		return 0, err
	}
	if len(c.out) > maxUnsent {
		if err := c.flush(); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// isComplete tells whether b ends with the last line of a reply.
func isComplete(b []byte) bool {
	if !bytes.HasSuffix(b, []byte(crlf)) {
		return false
	}
	last := b[bytes.LastIndexByte(b[:len(b)-2], '\n')+1:]
	return len(last) >= 4 && last[3] != '-'
}

// answer is go-smtp's whole reply to the command it was asked. What is fixed
// goes out in our words, what the session said goes out as it is.
func (c *Conn) answer(b []byte) error {
	if !c.opened {
		return c.greet()
	}
	code, err := strconv.Atoi(string(b[:3]))
	if err != nil {
		return c.doubt("not a reply", string(b[:3]))
	}
	cmd := c.asked
	if cmd == nil {
		return c.doubt("a reply to nothing", string(b[:3]))
	}
	if code == 502 { // go-smtp thinks the command comes at the wrong time; front had checked
		return c.doubt("go-smtp refused the order of commands", cmd.verb)
	}
	if cmd.answered != nil {
		return cmd.answered(c, code, b)
	}
	c.asked = nil
	return c.relay(code, b)
}

// relay hands a reply of the session on.
func (c *Conn) relay(code int, b []byte) error {
	if code == 421 || code == 521 {
		return c.hangup(parseReply(code, b))
	}
	if bytes.Count(b, []byte{'\n'}) == 1 {
		c.out = append(c.out, b...)
	} else {
		c.out = appendReply(c.out, parseReply(code, b))
	}
	c.judge(code, isUnknown(b))
	return nil
}

// parseReply reads a reply as go-smtp writes it, with the enhanced code on the
// last line only.
func parseReply(code int, b []byte) mail.Reply {
	r := mail.Reply{Code: code}
	lines := strings.Split(strings.TrimSuffix(string(b), crlf), crlf)
	last := len(lines) - 1
	for i, l := range lines {
		l = l[min(4, len(l)):]
		if i == last {
			if x, text, ok := strings.Cut(l, " "); ok {
				if e, ok := parseEnhanced(x); ok {
					r.X, l = e, text
				}
			}
		}
		lines[i] = l
	}
	r.Text = strings.Join(lines, "\n")
	return r
}

func parseEnhanced(s string) (x mail.EnhancedCode, ok bool) {
	f := strings.Split(s, ".")
	if len(f) != 3 {
		return x, false
	}
	for i := range f {
		n, err := strconv.Atoi(f[i])
		if err != nil || n < 0 {
			return mail.EnhancedCode{}, false
		}
		x[i] = n
	}
	return x, true
}

// greet opens the conversation and says the greeting in our words.
func (c *Conn) greet() error {
	if err := c.open(); err != nil {
		return err
	}
	c.out = append(c.out, "220 "+c.cfg.Hostname+" "+c.cfg.protocol().name+"\r\n"...)
	return nil
}
