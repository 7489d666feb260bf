package front

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"

	"posthorn/mail"
)

// Where front and go-smtp do not agree about the session, the client is told
// 421 and nothing more is read.
func TestDoubtEndsTheSession(t *testing.T) {
	for name, disagree := range map[string]func(*Conn){
		"a reply to nothing": func(c *Conn) { c.Write([]byte("250 2.0.0 Ok\r\n")) },
		"a command that is not answered": func(c *Conn) {
			b := make([]byte, 100)
			c.Read(b)
			c.Read(b)
		},
		"502 to a command that front let through": func(c *Conn) {
			c.Read(make([]byte, 100))
			c.Write([]byte("502 5.5.1 Missing something\r\n"))
		},
		"what is no reply": func(c *Conn) {
			c.Read(make([]byte, 100))
			c.Write([]byte("hello\r\n"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var logged syncBuffer
			raw := &octetsConn{in: bytes.NewReader([]byte("EHLO c\r\nNOOP\r\n"))}
			c := New(raw, &Config{Hostname: "mx.test", Limits: DefaultLimits().withDefaults(), Log: slog.New(slog.NewTextHandler(&logged, nil))})
			c.cfg.GreetPause = 0
			c.Write([]byte("220 x\r\n"))
			disagree(c)
			if out := raw.out.String(); !strings.HasSuffix(out, "421 4.3.0 "+mail.LocalHangup.Text+crlf) {
				t.Errorf("said %q", out)
			}
			if n, err := c.Read(make([]byte, 100)); n != 0 || !errors.Is(err, net.ErrClosed) {
				t.Errorf("read %d, %v", n, err)
			}
			if s := logged.String(); strings.Count(s, "smtp state in doubt") != 1 {
				t.Errorf("logged %q", s)
			}
		})
	}
}

// A panic of the session ends that session, with 421, and no other.
func TestPanicEndsOneSession(t *testing.T) {
	b := &backend{complaint: "broken invariant", data: func(*Conn) error { panic("broken invariant") }}
	addr := start(t, b, Config{})
	c := dial(t, addr)
	c.send(toData + "DATA\r\n")
	c.expect("250", "250", "250", "354")
	c.send("x\r\n.\r\n")
	c.expect("421 ")
	c.closed()
	dial(t, addr)
}

// A panic of front's own, where go-smtp would not recover it.
func TestPanicInFrontIsGuarded(t *testing.T) {
	var logged syncBuffer
	c := New(&octetsConn{in: bytes.NewReader(nil)}, &Config{Log: slog.New(slog.NewTextHandler(&logged, nil))})
	c.input.from = nil // breaks every read
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if s := logged.String(); !strings.Contains(s, "panic in smtp front") {
		t.Errorf("logged %q", s)
	}
}
