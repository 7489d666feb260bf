package serve

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// accept gives both ends of a connection through a Limiter.
func accept(t *testing.T, l *Limiter, proxies ...netip.Prefix) (client, server net.Conn) {
	t.Helper()
	ln := listen(t)
	limited := l.Listener(ln, func(net.Conn) {}, proxies...)
	client = connect(t, ln)
	server, err := limited.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

var everyone = netip.MustParsePrefix("127.0.0.0/8")

func TestClientsOfAProxyAreCountedThemselves(t *testing.T) {
	l := NewLimiter(Limits{PerAddress: 1, LimitLoopback: true}, slog.New(slog.DiscardHandler))
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	_, first := accept(t, l, everyone)
	_, second := accept(t, l, everyone) // the proxy's second: not over its limit
	_, third := accept(t, l, everyone)
	if !CountAs(first, one) || !CountAs(second, two) {
		t.Fatal("two clients behind a proxy are taken for one")
	}
	if CountAs(third, one) {
		t.Fatal("a client has more connections through a proxy than it may")
	}
	first.Close()
	first.Close()
	if !CountAs(third, one) {
		t.Error("the place of a closed connection is not free")
	}
	second.Close()
	third.Close()
	if l.open != 0 || len(l.from) != 0 {
		t.Errorf("after all left: %d open, %v", l.open, l.from)
	}
	if a, b := net.Pipe(); !CountAs(a, one) || !CountAs(b, one) {
		t.Error("a connection that nobody counts is over a limit")
	}
}

func TestCountedConnectionsCloseByHalves(t *testing.T) {
	client, server := accept(t, NewLimiter(Limits{}, slog.New(slog.DiscardHandler)))
	if err := server.(*counted).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(client); len(b) != 0 || err != nil {
		t.Errorf("the client read %q, %v", b, err)
	}
	io.WriteString(client, "x")
	if _, err := io.ReadFull(server, make([]byte, 1)); err != nil {
		t.Errorf("the other half is closed too: %v", err)
	}
	pipe, _ := net.Pipe()
	if err := (&counted{Conn: pipe}).CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a pipe closed by halves: %v", err)
	}
}

// A client that sends in two small pieces, with Nagle's algorithm, waits for
// an acknowledgement before the second.
func TestQuickAck(t *testing.T) {
	client, server := accept(t, NewLimiter(Limits{}, slog.New(slog.DiscardHandler)))
	client.(*net.TCPConn).SetNoDelay(false)
	const rounds = 20
	b := make([]byte, 8)
	slow := 0
	for range rounds {
		began := time.Now()
		io.WriteString(server, "+")
		QuickAck(server)
		io.ReadFull(client, b[:1])
		io.WriteString(client, "body")
		io.WriteString(client, "\r\n")
		if _, err := io.ReadFull(server, b[:6]); err != nil {
			t.Fatal(err)
		}
		if time.Since(began) > 25*time.Millisecond {
			slow++
		}
	}
	if runtime.GOOS == "linux" && slow > rounds/2 {
		t.Errorf("%d of %d rounds waited for a delayed acknowledgement", slow, rounds)
	}
	QuickAck(&net.UnixConn{}) // not connected: no matter
}

// An operator whose users cannot connect finds the limit in the log, not a line
// for each of a flood.
func TestRefusalsAreLogged(t *testing.T) {
	ln := listen(t)
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		l := NewLimiter(Limits{}, slog.New(slog.NewTextHandler(&said, nil)))
		peer := netip.MustParseAddr("192.0.2.1")
		for range 100 {
			l.tell(overAll, ln, peer)
		}
		l.tell(overAddress, ln, peer)
		time.Sleep(tellPause)
		l.tell(overAll, ln, peer)
		var got []string
		for line := range strings.Lines(said.String()) {
			_, line, _ = strings.Cut(line, "over=")
			over, _, _ := strings.Cut(line, " open=")
			got = append(got, over)
		}
		want := []string{"limits.connections refused=1", "limits.per_address refused=1", "limits.connections refused=100"}
		if !slices.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
	})
}

// The last descriptors are not for connections.
func TestCrowded(t *testing.T) {
	ln := listen(t)
	l := NewLimiter(Limits{}, slog.New(slog.DiscardHandler))
	l.last = 0
	refused := make(chan bool, 1)
	go l.Listener(ln, func(net.Conn) { refused <- true }).Accept() // until ln is closed
	connect(t, ln)
	<-refused
	if n := descriptors(); n < 1<<9 {
		t.Errorf("only %d descriptors are for connections", n)
	}
}
