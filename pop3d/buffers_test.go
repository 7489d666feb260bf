package pop3d

import (
	"bufio"
	"io"
	"log/slog"
	"strings"
	"testing"

	"posthorn/auth"
)

// spied is a connection that looks, whenever the client is waited for, whether the
// session owns buffers.
type spied struct {
	canned
	session *session
	waits   int
	owned   int
}

func (c *spied) Read(b []byte) (int, error) {
	if len(b) == 1 {
		c.waits++
		if c.session.r != nil || c.session.w != nil {
			c.owned++
		}
	}
	return c.canned.Read(b)
}

// lineByLine gives one line to each Read, as a client that waits for answers.
type lineByLine struct{ r *bufio.Reader }

func (l lineByLine) Read(b []byte) (n int, err error) {
	for n < len(b) {
		octet, err := l.r.ReadByte()
		if err != nil {
			return n, err
		}
		b[n] = octet
		if n++; octet == '\n' {
			break
		}
	}
	return n, nil
}

// A session that waits owns no buffers; commands that came together are not
// waited for, and none is lost between.
func TestWaitingSessionOwnsNoBuffers(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	const say = "CAPA\r\nUSER a\r\nNOOP\r\nAUTH PLAIN\r\n*\r\nQUIT\r\n"
	for name, c := range map[string]struct {
		said  io.Reader
		waits int
	}{
		"one by one":  {lineByLine{bufio.NewReader(strings.NewReader(say))}, 6},
		"all at once": {strings.NewReader(say), 1},
	} {
		conn := &spied{canned: canned{Reader: c.said}}
		s := newSession(New(DefaultConfig(), nil, auth.New(nil, auth.DefaultConfig(), log), nil, log), conn)
		conn.session = s
		s.run(t.Context(), false)
		if conn.waits != c.waits || conn.owned > 0 {
			t.Errorf("%s: it waited %d times, and owned buffers %d times", name, conn.waits, conn.owned)
		}
		if out := conn.out.String(); !strings.HasSuffix(out, "+OK Bye\r\n") || strings.Count(out, "-ERR use STLS first") != 2 {
			t.Errorf("%s: %q", name, out)
		}
		if s.r != nil || s.w != nil {
			t.Errorf("%s: buffers are owned after the end", name)
		}
	}
}

// BenchmarkRetr sends one message of 4 KiB.
func BenchmarkRetr(b *testing.B) {
	w := newWorld(b)
	w.add(b, "alice", "1", []byte("Subject: a\r\n\r\n"+strings.Repeat(strings.Repeat("x", 70)+"\r\n", 56)))
	drop, err := openMaildrop(b.Context(), w.store, auth.Identity{Account: w.accounts["alice"]}, "test")
	if err != nil {
		b.Fatal(err)
	}
	defer drop.release()
	s := &session{server: w.server, log: slog.New(slog.DiscardHandler), w: bufio.NewWriterSize(io.Discard, writeSize), drop: drop}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.retr(b.Context(), "1"); err != nil {
			b.Fatal(err)
		}
	}
}
