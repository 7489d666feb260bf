package serve

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// connect dials ln and reads all that comes within ten seconds.
func connect(t *testing.T, ln net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

func TestRunWaitsForItsSessions(t *testing.T) {
	ln := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	started, finished := make(chan bool), atomic.Bool{}
	returned := make(chan error)
	go func() {
		returned <- Run(ctx, ln, slog.New(slog.DiscardHandler), func(ctx context.Context, c net.Conn) {
			close(started)
			<-ctx.Done()
			io.WriteString(c, "bye")
			finished.Store(true)
		})
	}()
	c := connect(t, ln)
	<-started
	cancel()
	if err := <-returned; err != nil || !finished.Load() {
		t.Errorf("Run returned %v, session finished: %v", err, finished.Load())
	}
	if b, err := io.ReadAll(c); string(b) != "bye" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
}

func TestPanicEndsOneSession(t *testing.T) {
	ln := listen(t)
	var log strings.Builder
	var mu sync.Mutex
	ctx, cancel := context.WithCancel(context.Background())
	returned := make(chan error)
	go func() {
		returned <- Run(ctx, ln, slog.New(slog.NewTextHandler(&lockedWriter{&mu, &log}, nil)), func(_ context.Context, c net.Conn) {
			b := make([]byte, 1)
			io.ReadFull(c, b)
			if b[0] == 'p' {
				panic("broken invariant")
			}
			c.Write(b)
		})
	}()
	bad, good := connect(t, ln), connect(t, ln)
	io.WriteString(bad, "p")
	if b, _ := io.ReadAll(bad); len(b) != 0 {
		t.Errorf("read %q after a panic", b)
	}
	io.WriteString(good, "x")
	if b, err := io.ReadAll(good); string(b) != "x" || err != nil {
		t.Errorf("the other session: %q, %v", b, err)
	}
	cancel()
	<-returned
	if s := log.String(); !strings.Contains(s, "broken invariant") || !strings.Contains(s, "serve_test.go") {
		t.Errorf("log has no panic with its stack: %s", s)
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// short is a listener that has run out of descriptors for a while.
type short struct {
	net.Listener
	left int
}

func (s *short) Accept() (net.Conn, error) {
	if s.left > 0 {
		s.left--
		return nil, syscall.EMFILE
	}
	return s.Listener.Accept()
}

func TestRunSurvivesEMFILE(t *testing.T) {
	ln := listen(t)
	ctx, cancel := context.WithCancel(context.Background())
	returned := make(chan error)
	go func() {
		returned <- Run(ctx, &short{ln, 4}, slog.New(slog.DiscardHandler), func(_ context.Context, c net.Conn) {
			io.WriteString(c, "ok")
		})
	}()
	if b, _ := io.ReadAll(connect(t, ln)); string(b) != "ok" {
		t.Errorf("read %q", b)
	}
	cancel()
	if err := <-returned; err != nil {
		t.Error(err)
	}
}

func TestRunTellsWhenItsListenerIsGone(t *testing.T) {
	ln := listen(t)
	ln.Close()
	err := Run(context.Background(), ln, slog.New(slog.DiscardHandler), nil)
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestAdmit(t *testing.T) {
	a := netip.MustParseAddr
	l := NewLimiter(Limits{Connections: 8, PerAddress: 2}, slog.New(slog.DiscardHandler))
	steps := []struct {
		from string
		want bool
	}{
		{"192.0.2.1", true},
		{"192.0.2.1", true},
		{"192.0.2.1", false},
		{"::ffff:192.0.2.1", false}, // the same
		{"192.0.2.2", true},
		{"2001:db8::1", true},
		{"2001:db8::2", true},
		{"2001:db8::3", false}, // the same /64
		{"2001:db8:0:1::1", true},
		{"127.0.0.1", true},
		{"127.0.0.1", true},
		{"127.0.0.1", false}, // the ninth
	}
	for i, s := range steps {
		if got := l.admit(nil, a(s.from)) == ""; got != s.want {
			t.Errorf("step %d from %s: %v", i, s.from, got)
		}
	}
	for _, s := range steps {
		if s.want {
			l.release(&counted{as: a(s.from)})
		}
	}
	if l.open != 0 || len(l.from) != 0 {
		t.Errorf("after all left: %d open, %v", l.open, l.from)
	}
	l.SetLimits(Limits{PerAddress: 1, LimitLoopback: true})
	if l.admit(nil, a("127.0.0.1")) != "" || l.admit(nil, a("127.0.0.1")) != overAddress {
		t.Error("loopback is not held to the limit")
	}
}

func TestListenerRefusesAndCountsDown(t *testing.T) {
	l := NewLimiter(Limits{Connections: 1}, slog.New(slog.DiscardHandler))
	inner := listen(t)
	ln := l.Listener(inner, func(c net.Conn) { io.WriteString(c, "421 full\r\n") })
	ctx, cancel := context.WithCancel(context.Background())
	returned := make(chan error)
	go func() {
		returned <- Run(ctx, ln, slog.New(slog.DiscardHandler), func(_ context.Context, c net.Conn) {
			io.WriteString(c, "hello\r\n")
			io.Copy(io.Discard, c)
		})
	}()
	first := connect(t, inner)
	b := make([]byte, 7)
	if _, err := io.ReadFull(first, b); err != nil || string(b) != "hello\r\n" {
		t.Fatalf("%q %v", b, err)
	}
	if b, _ := io.ReadAll(connect(t, inner)); string(b) != "421 full\r\n" {
		t.Errorf("over the limit: %q", b)
	}
	first.Close()
	for deadline := time.Now().Add(10 * time.Second); ; {
		c := connect(t, inner)
		io.ReadFull(c, b)
		c.Close()
		if string(b) == "hello\r\n" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the place was never free again")
		}
	}
	cancel()
	<-returned
}
