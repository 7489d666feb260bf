package script

import (
	"bufio"
	"compress/flate"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience bounds each read and write.
const patience = 10 * time.Second

// play goes through the steps in order.
func play(t *testing.T, steps []step, dial Dial) {
	t.Helper()
	open := map[string]*conn{}
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for _, s := range steps {
		c := open[s.conn]
		if c == nil {
			raw := dial(s.conn)
			c = &conn{Conn: raw, r: bufio.NewReader(raw)}
			open[s.conn] = c
		}
		t.Logf("%s%s %s", s.conn, s.verb, strings.Join(s.text, " | "))
		c.SetDeadline(time.Now().Add(patience))
		if err := c.step(s); err != nil {
			t.Fatalf("%s: %s%s %s\n%v", s.at, s.conn, s.verb, strings.Join(s.text, " | "), err)
		}
	}
}

// conn is the client's end of one connection.
type conn struct {
	net.Conn
	r    *bufio.Reader
	left *string // a line that was read and belongs to the next step
}

func (c *conn) step(s step) error {
	switch s.verb {
	case "C:":
		return c.send(s.text[0] + "\r\n")
	case `C"`:
		return c.send(s.text[0])
	case "C!":
		return c.startTLS()
	case "C%":
		return c.compress()
	case "C-":
		return c.Close()
	case "S:":
		return c.expect(s.text[0])
	case "S*":
		return c.skip(s.text[0])
	case "S?":
		return c.perhaps(s.text[0])
	case "S~":
		return c.anyOrder(slices.Clone(s.text))
	case `S"`:
		return c.expectRaw(s.text[0])
	default: // "S-"
		return c.expectEnd()
	}
}

func (c *conn) send(s string) error {
	_, err := io.WriteString(c.Conn, s)
	return err
}

func (c *conn) startTLS() error {
	if n := c.r.Buffered(); n > 0 || c.left != nil {
		return fmt.Errorf("the server said %d octets more before TLS", n)
	}
	secure := tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
	c.Conn, c.r = secure, bufio.NewReader(secure)
	return secure.Handshake()
}

// compress makes both directions DEFLATE streams (RFC 4978).
func (c *conn) compress() error {
	if n := c.r.Buffered(); n > 0 || c.left != nil {
		return fmt.Errorf("the server said %d octets more before compression", n)
	}
	w, err := flate.NewWriter(c.Conn, flate.DefaultCompression)
	if err != nil {
		return err
	}
	z := compressed{c.Conn, w, flate.NewReader(c.Conn)}
	c.Conn, c.r = z, bufio.NewReader(z)
	return nil
}

// compressed flushes what each Write takes.
type compressed struct {
	net.Conn
	w *flate.Writer
	r io.Reader
}

func (z compressed) Read(p []byte) (int, error) { return z.r.Read(p) }

func (z compressed) Write(p []byte) (int, error) {
	n, err := z.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, z.w.Flush()
}

// line reads one, without its CRLF.
func (c *conn) line() (string, error) {
	if c.left != nil {
		l := *c.left
		c.left = nil
		return l, nil
	}
	l, err := c.r.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("after %q: %w", l, err)
	}
	line, ok := strings.CutSuffix(l, "\r\n")
	if !ok {
		return "", fmt.Errorf("a line without CRLF: %q", l)
	}
	return line, nil
}

func (c *conn) expect(pattern string) error {
	l, err := c.line()
	if err == nil && !match(pattern, l) {
		err = fmt.Errorf("the server said %q", l)
	}
	return err
}

func (c *conn) skip(pattern string) error {
	tag, _, _ := strings.Cut(pattern, " ")
	for {
		l, err := c.line()
		if err != nil || match(pattern, l) {
			return err
		}
		if word, _, _ := strings.Cut(l, " "); word == tag {
			return fmt.Errorf("the server said %q", l)
		}
	}
}

func (c *conn) perhaps(pattern string) error {
	l, err := c.line()
	if err == nil && !match(pattern, l) {
		c.left = &l
	}
	return err
}

func (c *conn) anyOrder(patterns []string) error {
	for len(patterns) > 0 {
		l, err := c.line()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(patterns, func(p string) bool { return match(p, l) })
		if i < 0 {
			return fmt.Errorf("the server said %q, expected one of %q", l, patterns)
		}
		patterns = slices.Delete(patterns, i, i+1)
	}
	return nil
}

func (c *conn) expectRaw(want string) error {
	if c.left != nil {
		return fmt.Errorf("the server said %q", *c.left)
	}
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.r, got)
	if string(got[:n]) != want {
		return fmt.Errorf("the server said %q (%v)", got[:n], err)
	}
	return nil
}

func (c *conn) expectEnd() error {
	if c.left != nil {
		return fmt.Errorf("the server said %q", *c.left)
	}
	rest, err := io.ReadAll(c.r)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the connection is still open, the server said %q", rest)
	case len(rest) > 0:
		return fmt.Errorf("the server said %q", rest)
	}
	return nil // a reset is an end too
}
