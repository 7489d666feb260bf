package smtpd

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"testing"
)

// A session that has taken a message and waits for the next one keeps no room
// for either. go-smtp's two buffers of 4 KiB are most of what is left.
func TestIdleSessionsOwnLittle(t *testing.T) {
	const sessions = 100
	for _, c := range []struct {
		what   string
		secure bool
		limit  uint64 // octets of heap for a session, the client's side among them
	}{
		{"plain", false, 16 << 10},
		{"TLS", true, 32 << 10},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := newBench(MX)
			b.deps.Queue = sink{}
			b.deps.Log = slog.New(slog.DiscardHandler)
			dial := b.start(t)
			idler(t, dial(""), c.secure) // what the first session makes for all
			before := live()
			for range sessions {
				idler(t, dial(""), c.secure)
			}
			each := (live() - before) / sessions
			t.Logf("%d octets each", each)
			if each > c.limit {
				t.Errorf("an idle session owns %d octets, more than %d", each, c.limit)
			}
		})
	}
}

// live is the heap that is in use.
func live() uint64 {
	for range 3 { // pools are empty after the second
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// idler sends one message and stays. It buffers nothing.
func idler(t *testing.T, c net.Conn, secure bool) {
	t.Helper()
	t.Cleanup(func() { c.Close() })
	say := func(line, code string) {
		t.Helper()
		if _, err := fmt.Fprint(c, line); err != nil {
			t.Fatal(err)
		}
		var b [1024]byte
		n, err := c.Read(b[:])
		if reply := string(b[:n]); err != nil || !strings.HasPrefix(reply, code) {
			t.Fatalf("%q: %q, %v", line, reply, err)
		}
	}
	say("", "220")
	if secure {
		say("EHLO c.example\r\n", "250")
		say("STARTTLS\r\n", "220")
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
	}
	say("EHLO c.example\r\n", "250")
	say("MAIL FROM:<bob@sender.example>\r\n", "250")
	say("RCPT TO:<alice@example.org>\r\n", "250")
	say("DATA\r\n", "354")
	say(letter(), "250")
}
