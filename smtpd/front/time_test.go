package front

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
)

// pipes is a listener of connections in memory, whose time synctest rules.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.done:
	default:
		close(p.done)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial(t *testing.T) *client {
	here, there := net.Pipe()
	p.conns <- there
	c := over(t, here)
	c.SetDeadline(time.Time{})
	return c
}

// inTime runs f in a bubble with a server whose clients come by pipe.
func inTime(t *testing.T, b *backend, cfg Config, f func(t *testing.T, p *pipes, l *Listener)) {
	synctest.Test(t, func(t *testing.T) {
		p := newPipes()
		f(t, p, run(t, b, p, cfg))
	})
}

// drip sends one octet at a time, with a pause after each, until the server has
// had enough.
func drip(c *client, s string, pause time.Duration) {
	done := make(chan struct{})
	c.t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		for i := range len(s) {
			if _, err := io.WriteString(c, s[i:i+1]); err != nil {
				return
			}
			time.Sleep(pause)
		}
	}()
}

func TestSlowCommandLineIsCut(t *testing.T) {
	inTime(t, &backend{}, Config{}, func(t *testing.T, p *pipes, _ *Listener) {
		c := p.dial(t)
		c.expect("220")
		began := time.Now()
		drip(c, strings.Repeat("x", 1000), time.Minute)
		c.expect("421 4.4.2")
		if d := time.Since(began); d != 5*time.Minute {
			t.Errorf("cut after %v", d)
		}
		c.closed()
	})
}

func TestSlowContentIsCut(t *testing.T) {
	b := &backend{}
	inTime(t, b, Config{Limits: DefaultLimits()}, func(t *testing.T, p *pipes, _ *Listener) {
		c := p.dial(t)
		c.expect("220")
		go io.WriteString(c, toData+"DATA\r\n")
		c.expect("250", "250", "250", "354")
		began := time.Now()
		drip(c, strings.Repeat("x", 1000), time.Second)
		c.expect("421 4.4.2")
		c.closed()
		if d := time.Since(began); d < 30*time.Second || d > time.Minute {
			t.Errorf("cut after %v", d)
		}
	})
	if m := b.messages(); len(m) != 1 || m[0].err == nil {
		t.Errorf("got %+v", m)
	}
}

func TestSlowHandshakeIsCut(t *testing.T) {
	inTime(t, &backend{}, Config{TLS: testTLS(), Implicit: true}, func(t *testing.T, p *pipes, _ *Listener) {
		c := p.dial(t)
		began := time.Now()
		drip(c, "\x16\x03\x01\x02\x00"+strings.Repeat("x", 500), time.Second)
		c.closed()
		if d := time.Since(began); d != 30*time.Second {
			t.Errorf("cut after %v", d)
		}
	})
}

func TestWholeSessionIsBounded(t *testing.T) {
	inTime(t, &backend{}, Config{Limits: Limits{Session: time.Hour}}, func(t *testing.T, p *pipes, _ *Listener) {
		c := p.dial(t)
		began := time.Now()
		c.expect("220")
		drip(c, strings.Repeat("NOOP\r\n", 1000), 40*time.Second)
		for !strings.HasPrefix(c.reply(), "421 4.4.2") {
		}
		if d := time.Since(began); d != time.Hour {
			t.Errorf("cut after %v", d)
		}
	})
}

// 5. One deadline covered the whole body, and the rest of a body that came too
// late was run as commands.
func TestFault05SteadyContentMayTakeLong(t *testing.T) {
	b := &backend{}
	inTime(t, b, Config{Limits: DefaultLimits()}, func(t *testing.T, p *pipes, _ *Listener) {
		c := p.dial(t)
		c.expect("220")
		go io.WriteString(c, toData+"DATA\r\n")
		c.expect("250", "250", "250", "354")
		for range 60 {
			c.send(strings.Repeat("x", 30_000) + crlf)
			time.Sleep(time.Minute)
		}
		c.send(".\r\n")
		c.expect("250 2.0.0 Kept")
	})
	if m := b.messages(); len(m) != 1 || len(m[0].data) != 60*30_002 {
		t.Errorf("got %d messages", len(m))
	}
}

func TestUnknownRecipientsSlowDown(t *testing.T) {
	inTime(t, &backend{rcpt: unknown}, Config{Limits: DefaultLimits()}, func(t *testing.T, p *pipes, _ *Listener) {
		c := p.dial(t)
		c.expect("220")
		go io.WriteString(c, "EHLO c\r\nMAIL FROM:<>\r\n")
		c.expect("250", "250")
		for i := 1; i <= 20; i++ {
			began := time.Now()
			c.send("RCPT TO:<nobody@y.example>\r\n")
			c.expect("550 5.1.1")
			want := time.Duration(0)
			if i > 10 {
				want = time.Second
			}
			if d := time.Since(began); d != want {
				t.Errorf("answer %d took %v", i, d)
			}
		}
		c.expect("421 4.7.0")
		c.closed()
	})
}

// 14. Shutdown told no client and waited for them all; Close after it closed
// nothing.
func TestFault14ShutdownTellsIdleClients(t *testing.T) {
	b := &backend{}
	inTime(t, b, Config{}, func(t *testing.T, p *pipes, l *Listener) {
		idle, half, busy, body := p.dial(t), p.dial(t), p.dial(t), p.dial(t)
		for _, c := range []*client{idle, half, busy, body} {
			c.expect("220")
		}
		half.send("EHL")
		go io.WriteString(busy, toData)
		busy.expect("250", "250", "250")
		go io.WriteString(body, toData+"DATA\r\n")
		body.expect("250", "250", "250", "354")

		drained := make(chan struct{})
		go func() { l.Drain(time.Minute); close(drained) }()
		idle.expect("421 4.3.2")
		idle.closed()
		half.expect("421 4.3.2")
		half.closed()
		body.send("x\r\n.\r\n")
		body.expect("250 2.0.0 Kept", "421 4.3.2")
		body.closed()
		busy.send("DATA\r\n")
		busy.expect("354")
		busy.send("y\r\n.\r\n")
		busy.expect("250 2.0.0 Kept", "421 4.3.2")
		busy.closed()
		<-drained
	})
	if n := len(b.messages()); n != 2 {
		t.Errorf("%d messages were kept", n)
	}
}

func TestShutdownCutsOffWhoDoesNotFinish(t *testing.T) {
	inTime(t, &backend{}, Config{}, func(t *testing.T, p *pipes, l *Listener) {
		c := p.dial(t)
		c.expect("220")
		go io.WriteString(c, toData)
		c.expect("250", "250", "250")
		began := time.Now()
		l.Drain(10 * time.Second)
		if d := time.Since(began); d != 10*time.Second {
			t.Errorf("took %v", d)
		}
		c.closed()
	})
}

// A session that hangs up by itself, with 421, is closed after its reply.
func TestReplyOf421Closes(t *testing.T) {
	b := &backend{data: func(c *Conn) error {
		return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 7, 0}, Message: "Enough"}
	}}
	c := dial(t, start(t, b, Config{}))
	c.send(toData + "DATA\r\n")
	c.expect("250", "250", "250", "354")
	c.send("x\r\n.\r\nNOOP\r\n")
	c.expect("421 4.7.0 Enough")
	c.closed()
}

// A line that never ends is answered at once and read in constant memory, up to
// a point.
func TestEndlessCommandLine(t *testing.T) {
	c := dial(t, start(t, &backend{}, Config{}))
	c.send(strings.Repeat("x", 4096))
	c.expect("500 5.5.2")
	c.send(strings.Repeat("x", 50<<10))
	c.send("\r\nNOOP\r\n")
	c.expect("250")
	go io.WriteString(c, strings.Repeat("x", 1<<20))
	c.expect("500 5.5.2", "421 4.7.0")
	c.closed()
}
