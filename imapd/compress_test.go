package imapd

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"posthorn/internal/serve"
)

// squeezed is the client's end of a compressed connection.
type squeezed struct {
	net.Conn
	b bytes.Buffer // what w has written: a flush goes out at once
	w *flate.Writer
	r io.Reader
}

func (z *squeezed) Read(p []byte) (int, error) { return z.r.Read(p) }

func (z *squeezed) Write(p []byte) (int, error) {
	z.w.Write(p)
	z.w.Flush()
	_, err := z.b.WriteTo(z.Conn)
	return len(p), err
}

// compress has cl compress what it sends and hears from now on.
func (cl *client) compress() {
	cl.t.Helper()
	cl.do("COMPRESS DEFLATE")
	z := &squeezed{Conn: cl.c, r: flate.NewReader(cl.c)}
	z.w, _ = flate.NewWriter(&z.b, flate.BestSpeed)
	cl.c, cl.r = z, bufio.NewReader(z)
}

// A message of many mebibytes in and out, of all sorts of content.
func TestCompressStreams(t *testing.T) {
	const size = 8 << 20
	w := newWorld(t, tweaks{})
	w.server.spools.Memory = serve.NewBudget(spoolMemory)
	cl := newClient(t, w, "client", "alice")
	cl.compress()
	noise := make([]byte, 1<<20)
	rand.Read(noise)
	for i, b := range noise {
		if b == 0 || b == '\r' || b == '\n' {
			noise[i] = 'x'
		}
	}
	message := append([]byte("Subject: large\r\n\r\n"), noise...)
	for i := 0; len(message) < size; i++ {
		message = fmt.Appendf(message, "line %d of a large message\r\n", i)
	}
	cl.send(fmt.Sprintf("a APPEND INBOX {%d+}\r\n%s", len(message), message))
	if l := cl.line(); !strings.HasPrefix(l, "a OK ") {
		t.Fatal(l)
	}
	cl.open()
	cl.send("b FETCH 1 BODY.PEEK[]")
	if want, l := fmt.Sprintf("* 1 FETCH (BODY[] {%d}", len(message)), cl.line(); l != want {
		t.Fatalf("%q instead of %q", l, want)
	}
	got := make([]byte, len(message))
	if _, err := io.ReadFull(cl.r, got); err != nil || !bytes.Equal(got, message) {
		t.Fatalf("the message came back otherwise (%v)", err)
	}
	cl.line()
	if l := cl.line(); !strings.HasPrefix(l, "b OK ") {
		t.Error(l)
	}
}

// What follows COMPRESS in one segment is compressed already.
func TestCompressPipelined(t *testing.T) {
	w := newWorld(t, tweaks{})
	cl := newClient(t, w, "client", "alice")
	var b bytes.Buffer
	b.WriteString("a COMPRESS DEFLATE\r\n")
	z, _ := flate.NewWriter(&b, flate.BestSpeed)
	io.WriteString(z, "b NOOP\r\nc NOOP\r\n")
	z.Flush()
	cl.c.Write(b.Bytes())
	if l := cl.line(); !strings.HasPrefix(l, "a OK ") {
		t.Fatal(l)
	}
	cl.r = bufio.NewReader(flate.NewReader(cl.r))
	for _, want := range []string{"b OK ", "c OK "} {
		if l := cl.line(); !strings.HasPrefix(l, want) {
			t.Errorf("%q instead of %s", l, want)
		}
	}
}

// What is not compressed ends the session with BYE, and so does more than a
// line may have, however small it was.
func TestCompressAttacks(t *testing.T) {
	w := newWorld(t, tweaks{AppendLimit: 100_000})
	cl := newClient(t, w, "plain", "alice")
	cl.compress()
	cl.c.(*squeezed).Conn.Write([]byte("a NOOP\r\nb NOOP\r\n"))
	if l := cl.line(); !strings.HasPrefix(l, "* BYE ") {
		t.Errorf("to plain text: %q", l)
	}
	if _, err := cl.r.ReadByte(); err == nil {
		t.Error("the connection is still open")
	}

	cl = newClient(t, w, "bomb", "alice")
	cl.compress()
	go io.Copy(cl.c, io.LimitReader(endless{}, 1<<30)) // until the server hangs up
	for l := cl.line(); !strings.HasPrefix(l, "* BYE [TOOBIG]"); l = cl.line() {
		t.Errorf("to a bomb: %q", l)
	}

	cl = newClient(t, w, "last block", "alice")
	cl.compress()
	z := cl.c.(*squeezed)
	z.Write([]byte("a NOOP\r\n"))
	cl.line()
	z.w.Close()
	z.b.WriteTo(z.Conn)
	if _, err := cl.r.ReadByte(); err == nil {
		t.Error("the connection is open after the last block")
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// A compressed session that idles holds no buffer and no more history than
// there is. Octets that mean nothing by themselves leave it as wakeable as it
// was.
func TestCompressWaitingHoldsNothing(t *testing.T) {
	w := newWorld(t, tweaks{})
	mine, theirs := net.Pipe()
	defer mine.Close()
	c := newConn(t.Context(), theirs, theirs)
	s := newSession(t.Context(), w.server, c, nil)
	done := make(chan struct{})
	go func() { s.serve(); close(done) }()
	cl := &client{t: t, name: "client", c: mine}
	cl.greeting()
	cl.do("LOGIN alice secret")
	cl.compress()
	cl.open()
	cl.send("i IDLE")
	for cl.line() != "+ idling" {
	}
	for !c.idling.Load() { // it is about to wait
		time.Sleep(time.Millisecond)
	}
	if z := c.deflate; c.held || z.got != nil || z.in.Size() > 1<<10 {
		t.Errorf("%d octets are held while the client idles, and buffers: %v", z.in.Size(), c.held || z.got != nil)
	}
	mine.Write([]byte{0, 0, 0, 0xff, 0xff}) // a flush of nothing
	w.deliver("alice", "INBOX", []byte("Subject: a\r\n\r\n"))
	if l := cl.line(); l != "* 1 EXISTS" {
		t.Errorf("the server said %q", l)
	}
	mine.Close()
	<-done
}
