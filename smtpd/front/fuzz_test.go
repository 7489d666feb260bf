package front

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"posthorn/internal/serve"
)

// octetsConn is a connection whose client said everything at once, or in
// pieces of a given size, and listens to nothing.
type octetsConn struct {
	in    *bytes.Reader
	piece int
	out   bytes.Buffer
}

func (c *octetsConn) Read(p []byte) (int, error) {
	if c.piece > 0 && len(p) > c.piece {
		p = p[:c.piece]
	}
	return c.in.Read(p)
}

func (c *octetsConn) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *octetsConn) Close() error                     { return nil }
func (c *octetsConn) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *octetsConn) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *octetsConn) SetDeadline(time.Time) error      { return nil }
func (c *octetsConn) SetReadDeadline(time.Time) error  { return nil }
func (c *octetsConn) SetWriteDeadline(time.Time) error { return nil }

// spy stands between front and go-smtp, and at each read compares who front
// thinks is reading with who it is.
type spy struct {
	*Conn
	wrong []string
	seen  [modeContent + 1]int // reads in each mode
}

func (s *spy) Read(p []byte) (int, error) {
	theirs := libraryMode()
	if theirs != s.mode && !s.dead && len(s.in) == 0 { // not within a long line
		s.wrong = append(s.wrong, fmt.Sprintf("go-smtp is in mode %d, front in %d", theirs, s.mode))
	}
	s.seen[s.mode]++
	return s.Conn.Read(p)
}

// libraryMode reads off the stack what go-smtp wants to read.
func libraryMode() mode {
	var pc [32]uintptr
	frames := runtime.CallersFrames(pc[:runtime.Callers(2, pc[:])])
	for {
		f, more := frames.Next()
		switch {
		case strings.HasSuffix(f.Function, "go-smtp.(*dataReader).Read"):
			return modeContent
		case strings.HasSuffix(f.Function, "go-smtp.(*Conn).handleAuth"):
			return modeSASL
		case strings.HasSuffix(f.Function, "go-smtp.(*Conn).handleBdat"):
			return 99 // front never lets it run
		case !more:
			return modeCommand
		}
	}
}

// pieces are what random sessions are made of.
var pieces = []string{
	"EHLO c\r\n", "HELO c\r\n", "MAIL FROM:<a@b.example>\r\n", "MAIL FROM:<>\r\n", "MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME\r\n",
	"RCPT TO:<x@y.example>\r\n", "RCPT TO:<nobody@y.example>\r\n", "RCPT TO:<Postmaster>\r\n", "DATA\r\n", "BDAT 5\r\n", "BDAT 5 LAST\r\n", "BDAT 0 LAST\r\n",
	"BDAT 0\r\n", "RSET\r\n", "NOOP\r\n", "QUIT\r\n", "VRFY x\r\n", "STARTTLS\r\n", "AUTH PLAIN AGEAYg==\r\n", "AUTH PLAIN\r\n", "AUTH PLAIN AGEAc2VjcmV0\r\n",
	"AGEAc2VjcmV0\r\n", "*\r\n", "hello", "\r\n", ".\r\n", "\r\n.\r\n", "..x\r\n", "\n.\n", "\r", "\n", "\x00", ".", "BDAT x\r\n", "BDAT 99999999999999999999\r\n",
	"Subject: x\r\n\r\nbody\r\n", "XYZZY\r\n", "MAIL FROM:<a@b.example> X=1\r\n", "RCPT TO:<\"a\\\"b\"@c.example>\r\n", "DATA x\r\n", "ehlo [127.0.0.1]\r\n",
	strings.Repeat("x", 4095) + "\r\n", strings.Repeat("y", 20000), "AUTH PLAIN " + strings.Repeat("=", 13000) + "\r\n",
}

// outcome is what came of a session.
type outcome struct {
	replies string
	got     []message
	logged  string
	*spy
}

func playOctets(in []byte, piece int) outcome {
	b := &backend{rcpt: unknown}
	raw := &octetsConn{in: bytes.NewReader(in), piece: piece}
	cfg := &Config{Hostname: "mx.test", Auth: true, Log: slog.New(slog.NewTextHandler(&b.log, nil)), Limits: Limits{Errors: 10}.withDefaults()}
	c := New(raw, cfg)
	c.tls = &serve.Channel{Conn: tls.Server(raw, testTLS())} // AUTH needs one; nothing reads or writes it
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &testSession{b: b, c: c}, nil }))
	s.AllowInsecureAuth, s.MaxLineLength, s.EnableSMTPUTF8 = true, 0, true
	s.ErrorLog = log.New(&b.log, "", 0)
	spy := &spy{Conn: c}
	s.Serve(&once{conn: spy})
	s.Shutdown(context.Background()) // waits
	return outcome{raw.out.String(), b.messages(), b.log.String(), spy}
}

// check holds a session to what must be true of any: front and go-smtp agreed
// at every read on what was being read, nothing was in doubt, every message
// that was kept without a fault has CRLF line ends only, and every reply is
// well formed.
func (o outcome) check(t *testing.T, in []byte) {
	t.Helper()
	if len(o.wrong) > 0 || o.logged != "" {
		t.Errorf("%q: %q, logged %s", in, o.wrong, o.logged)
	}
	for _, m := range o.got {
		rest := strings.ReplaceAll(m.data, crlf, "")
		if m.err == nil && m.fault == "" && (strings.ContainsAny(rest, "\r\n\x00") || m.data != "" && !strings.HasSuffix(m.data, crlf)) {
			t.Errorf("%q: kept %q", in, m.data)
		}
	}
	for line := range strings.Lines(o.replies) {
		if len(line) < 6 || line[0] < '2' || line[0] > '5' || line[3] != ' ' && line[3] != '-' || !strings.HasSuffix(line, crlf) {
			t.Errorf("%q: said %q", in, line)
		}
	}
}

// session makes octets of choices: small ones name a piece, others are raw.
func session(choices []byte) (in []byte) {
	for _, c := range choices {
		if int(c) < len(pieces) {
			in = append(in, pieces[c]...)
		} else {
			in = append(in, c)
		}
	}
	return in
}

// once accepts one connection.
type once struct{ conn net.Conn }

func (o *once) Accept() (c net.Conn, err error) {
	if c, o.conn = o.conn, nil; c == nil {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (o *once) Close() error   { return nil }
func (o *once) Addr() net.Addr { return &net.TCPAddr{} }

func FuzzSession(f *testing.F) {
	f.Add([]byte{0, 2, 5, 8, 35, 25, 15}, byte(0))
	f.Add([]byte{0, 2, 5, 9, 23, 13, 2, 5, 10, 23, 15}, byte(3))
	f.Add([]byte{0, 18, 19, 22, 19, 21, 2, 5, 8, 28, 31, 26}, byte(1))
	f.Add([]byte("\x00\x02\x05\x08raw text"), byte(0))
	f.Fuzz(func(t *testing.T, choices []byte, piece byte) {
		if len(choices) > 200 {
			return
		}
		in := session(choices)
		playOctets(in, int(piece)).check(t, in)
	})
}

// The same with seeded sessions that are mostly legal, so that each mode is
// reached often.
func TestRandomSessionsStayInStep(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var seen [modeContent + 1]int
	kept := 0
	legal := [][]byte{{0}, {0, 2, 5}, {8}, {35, 25}, {35, 26}, {9, 23}, {10, 23}, {13}, {19, 21}, {19, 22}, {14}, {2, 5, 8}, {2, 5, 10, 23}}
	for range 1000 {
		choices := []byte{0}
		for range r.IntN(30) {
			if r.IntN(8) == 0 {
				choices = append(choices, byte(r.IntN(len(pieces))))
			} else {
				choices = append(choices, legal[r.IntN(len(legal))]...)
			}
		}
		in := session(choices)
		// Octet by octet, DATA is never sent ahead of 354.
		o := playOctets(in, 1)
		o.check(t, in)
		playOctets(in, r.IntN(100)).check(t, in)
		for m, n := range o.seen {
			seen[m] += n
		}
		for _, m := range o.got {
			if m.err == nil && m.fault == "" {
				kept++
			}
		}
	}
	if seen[modeContent] < 500 || seen[modeSASL] < 50 || kept < 200 {
		t.Errorf("reads in each mode %v, %d messages: too few to show anything", seen, kept)
	}
}

// decodeAll decodes in by pieces into buffers of the given size.
func decodeAll(in string, dots, repair bool, piece, room int) (out, rest, fault string, ended bool) {
	s := scanner{dots: dots, repair: repair}
	dst := make([]byte, max(room, 2))
	var b strings.Builder
	for len(in) > 0 && s.state != atEnd {
		src := in[:min(len(in), max(piece, 1))]
		for len(src) > 0 && s.state != atEnd {
			wrote, read := s.scan(dst, []byte(src))
			b.Write(dst[:wrote])
			src, in = src[read:], in[read:]
		}
	}
	return b.String(), in, s.fault, s.state == atEnd
}

// FuzzScanner holds the decoder to its promises: the end of data is the first
// CRLF.CRLF, repaired output has CRLF only, and neither the size of the pieces
// nor that of the buffers matters.
func FuzzScanner(f *testing.F) {
	f.Add("Subject: x\r\n\r\n..a\r\n.\r\nrest", byte(1), byte(2))
	f.Add("a\n.\nb\r.\rc\r\n.\nd\r\n.\r\n", byte(3), byte(5))
	f.Add("\r\r\n.\r\n", byte(2), byte(2))
	f.Add(".\r\n", byte(0), byte(0))
	f.Fuzz(func(t *testing.T, in string, piece, room byte) {
		end := strings.Index(crlf+in, "\r\n.\r\n")
		for _, repair := range []bool{false, true} {
			out, rest, fault, ended := decodeAll(in, true, repair, len(in), 4096)
			out2, rest2, fault2, ended2 := decodeAll(in, true, repair, int(piece), int(room))
			if out != out2 || rest != rest2 || fault != fault2 || ended != ended2 {
				t.Fatalf("%q: %q %q %q in one piece, %q %q %q in small ones", in, out, rest, fault, out2, rest2, fault2)
			}
			if ended != (end >= 0) || ended && rest != in[end+3:] {
				t.Fatalf("%q: ended %t, %q left", in, ended, rest)
			}
			if (fault == "" || repair) && strings.ContainsAny(strings.ReplaceAll(out, crlf, ""), "\r\n") {
				t.Fatalf("%q: gave %q", in, out)
			}
			if ended && fault == "" && !repair {
				want := strings.TrimPrefix(strings.ReplaceAll(crlf+in[:end], "\r\n.", crlf), crlf)
				if out != want {
					t.Fatalf("%q: gave %q, want %q", in, out, want)
				}
			}
		}
	})
}

func TestFaultsOfContent(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb\r\n.\r\n":              bareLF,
		"a\rb\r\n.\r\n":              bareCR,
		"a\x00\r\n.\r\n":             aNUL,
		"a\r\n.\nb\r\n.\r\n":         falseEnd,
		"a\r\n.\rb\r\n.\r\n":         falseEnd,
		"a\r\n.b\r\n..\r\n\r\n.\r\n": "",
		".\r\n":                      "",
	} {
		out, _, fault, ended := decodeAll(in, true, false, len(in), 100)
		if fault != want || !ended {
			t.Errorf("%q: %q, ended %t", in, fault, ended)
		}
		if _, _, fault, _ := decodeAll(in, true, true, len(in), 100); fault != "" && want != aNUL {
			t.Errorf("%q: %q though repaired to %q", in, fault, out)
		}
	}
}

func BenchmarkContent(b *testing.B) {
	in := []byte(strings.Repeat(strings.Repeat("x", 70)+crlf, 1000) + ".\r\n")
	dst := make([]byte, 32<<10)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		s := scanner{dots: true}
		for src := in; s.state != atEnd; {
			_, n := s.scan(dst, src)
			src = src[n:]
		}
	}
}
