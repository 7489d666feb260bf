// Package sink is an SMTP server for benchmarks: it takes everything, counts it,
// and costs little.
package sink

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Sink is where relayed mail goes: one SMTP server on many loopback addresses,
// each a host of its own to those who send. It counts every message, and can
// keep all who connect waiting for the greeting, so that mail gathers in the
// queue of the server that is measured.
//
// What it offers is what a Postfix does, TLS apart; it parses as little as it
// can, so that it is no bottleneck (a hundred thousand messages a second).
type Sink struct {
	Port  int
	hosts []net.Listener

	mu    sync.Mutex
	gate  chan struct{}       // guarded by mu: closed when greetings may go out
	seen  map[int64]time.Time // guarded by mu: when number n of the run came
	run   int64               // guarded by mu: whose messages are counted
	twice int                 // guarded by mu
	want  int                 // guarded by mu
	full  chan struct{}       // guarded by mu: closed when want messages are there
	conns map[net.Conn]bool   // guarded by mu
	most  int                 // guarded by mu: of them at a time
	made  int                 // guarded by mu: of them in all
	dkim  int                 // guarded by mu: how many of the run's messages were signed
}

// host is the n-th address, from 0.
func host(n int) string { return fmt.Sprintf("127.0.%d.%d", 16+n/250, 1+n%250) }

// Listen makes a sink of n hosts, all with one port.
func Listen(n int) (*Sink, error) {
	k := &Sink{seen: map[int64]time.Time{}, conns: map[net.Conn]bool{}, gate: make(chan struct{})}
	close(k.gate)
	for i := range n {
		ln, err := net.Listen("tcp", net.JoinHostPort(host(i), strconv.Itoa(k.Port)))
		if err != nil {
			k.Close()
			return nil, err
		}
		k.Port = ln.Addr().(*net.TCPAddr).Port
		k.hosts = append(k.hosts, ln)
		go k.accept(ln) // ends with ln
	}
	return k, nil
}

// Addr is where host n listens, from 0.
func (k *Sink) Addr(n int) string { return net.JoinHostPort(host(n), strconv.Itoa(k.Port)) }

// Close ends it.
func (k *Sink) Close() {
	for _, ln := range k.hosts {
		ln.Close()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for c := range k.conns {
		c.Close()
	}
}

// Shut hangs up and keeps all who connect from now on waiting; Open greets them.
func (k *Sink) Shut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for c := range k.conns {
		c.Close()
	}
	k.gate = make(chan struct{})
}

// Open ends Shut.
func (k *Sink) Open() {
	k.mu.Lock()
	defer k.mu.Unlock()
	close(k.gate)
}

// Expect begins a run of n messages; the channel is closed when the last has
// come.
func (k *Sink) Expect(run int64, n int) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.run, k.want, k.twice, k.dkim, k.most, k.made = run, n, 0, 0, len(k.conns), len(k.conns)
	clear(k.seen)
	k.full = make(chan struct{})
	return k.full
}

// Verify tells whether the run's messages have come once each.
func (k *Sink) Verify() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.seen) != k.want || k.twice > 0 {
		return fmt.Errorf("%d of %d messages came, %d of them twice", len(k.seen), k.want, k.twice)
	}
	return nil
}

// Arrival is when message n of the run came; zero: not yet.
func (k *Sink) Arrival(n int64) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.seen[n]
}

// Connections tells how many there were in this run, and at most at a time.
func (k *Sink) Connections() (made, most int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.made, k.most
}

// Signed tells how many of the run's messages came with a DKIM signature.
func (k *Sink) Signed() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dkim
}

func (k *Sink) took(run, n int64, signed bool) {
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	if run != k.run {
		return
	}
	if !k.seen[n].IsZero() {
		k.twice++
		return
	}
	k.seen[n] = now
	if signed {
		k.dkim++
	}
	if len(k.seen) == k.want {
		close(k.full)
	}
}

func (k *Sink) accept(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		k.mu.Lock()
		gate := k.gate
		k.conns[c] = true
		k.made++
		k.most = max(k.most, len(k.conns))
		k.mu.Unlock()
		go func() { // ends with its connection
			defer func() {
				c.Close()
				k.mu.Lock()
				delete(k.conns, c)
				k.mu.Unlock()
			}()
			<-gate
			(&session{Sink: k, r: bufio.NewReaderSize(c, 64<<10), w: bufio.NewWriter(c)}).serve()
		}()
	}
}

type session struct {
	*Sink
	r       *bufio.Reader
	w       *bufio.Writer
	run, no int64 // of the message that is coming, from its Message-ID
	named   bool
	signed  bool
}

// serve answers until the client goes away. Replies leave when nothing more has
// come in, so that a pipelined group is answered in one write.
func (s *session) serve() {
	s.w.WriteString("220 sink.test ESMTP\r\n")
	for {
		if s.r.Buffered() == 0 && s.w.Flush() != nil {
			return
		}
		line, err := s.r.ReadSlice('\n')
		if err != nil || !s.command(line) {
			s.w.Flush()
			return
		}
	}
}

func (s *session) command(line []byte) bool {
	if len(line) < 6 {
		return false
	}
	switch string(bytes.ToUpper(line[:4])) {
	case "EHLO":
		s.w.WriteString("250-sink.test\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n")
	case "MAIL", "RCPT", "RSET", "NOOP":
		s.w.WriteString("250 2.0.0 Ok\r\n")
	case "DATA":
		s.w.WriteString("354 End data with <CR><LF>.<CR><LF>\r\n")
		return s.w.Flush() == nil && s.data() && s.taken()
	case "BDAT":
		size, last, _ := strings.Cut(strings.TrimSpace(string(line[5:])), " ")
		n, err := strconv.Atoi(size)
		if err != nil || !s.chunk(n) {
			return false
		}
		if last != "" {
			return s.taken()
		}
		s.w.WriteString("250 2.0.0 Ok\r\n")
	case "QUIT":
		s.w.WriteString("221 2.0.0 Bye\r\n")
		return false
	default:
		s.w.WriteString("500 5.5.1 What?\r\n")
	}
	return true
}

// data reads to the final dot.
func (s *session) data() bool {
	for {
		line, err := s.r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return false
		}
		if len(line) == 3 && line[0] == '.' {
			return true
		}
		s.look(line)
	}
}

// chunk reads n octets.
func (s *session) chunk(n int) bool {
	for n > 0 {
		b, err := s.r.Peek(min(n, s.r.Size()))
		if err != nil {
			return false
		}
		for line := range bytes.Lines(b) {
			if s.look(line); s.named {
				break
			}
		}
		s.r.Discard(len(b))
		n -= len(b)
	}
	return true
}

var (
	messageIDField = []byte("Message-ID: <")
	dkimField      = []byte("DKIM-Signature:")
)

// MessageID is what the n-th message of a run is known by.
func MessageID(run, n int64) string { return fmt.Sprintf("<%d.%d@bench.invalid>", run, n) }

// look takes the message's number from its Message-ID, above which a signature
// stands.
func (s *session) look(line []byte) {
	if !s.named && bytes.HasPrefix(line, dkimField) {
		s.signed = true
	}
	if s.named || !bytes.HasPrefix(line, messageIDField) {
		return
	}
	_, err := fmt.Sscanf(string(line[len(messageIDField):]), "%d.%d@", &s.run, &s.no)
	s.named = err == nil
}

func (s *session) taken() bool {
	if s.named {
		s.took(s.run, s.no, s.signed)
	}
	s.named, s.signed = false, false
	s.w.WriteString("250 2.0.0 Ok: taken\r\n")
	return true
}
