package promise

import (
	"bufio"
	"bytes"
	"net"
	"strings"
	"sync"
	"time"
)

// Sink is the SMTP server that mail for Domain goes to. It takes everything, and
// remembers when.
type Sink struct {
	Addr string
	ln   net.Listener

	mu    sync.Mutex
	taken map[string][]time.Time // guarded by mu, by recipient
}

// ListenSink starts one on a loopback port.
func ListenSink() (*Sink, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Sink{Addr: ln.Addr().String(), ln: ln, taken: map[string][]time.Time{}}
	go func() { // ends with ln
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { // ends with its connection
				defer c.Close()
				s.serve(bufio.NewReaderSize(c, 64<<10), bufio.NewWriter(c))
			}()
		}
	}()
	return s, nil
}

// Close ends it for new connections.
func (s *Sink) Close() error { return s.ln.Close() }

// Taken is when it took a message for each recipient.
func (s *Sink) Taken() map[string][]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string][]time.Time, len(s.taken))
	for to, at := range s.taken {
		all[to] = append([]time.Time(nil), at...)
	}
	return all
}

// serve has taken a message when its dot has come: who loses the reply sends it
// again, and is to be excused for that by whoever asks.
func (s *Sink) serve(r *bufio.Reader, w *bufio.Writer) {
	w.WriteString("220 sink.test ESMTP\r\n")
	var to []string
	for {
		if r.Buffered() == 0 && w.Flush() != nil {
			return
		}
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			w.WriteString("250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
		case "MAIL", "RSET":
			to = nil
			w.WriteString("250 2.0.0 Ok\r\n")
		case "RCPT":
			_, path, _ := strings.Cut(rest, "<")
			path, _, _ = strings.Cut(path, ">")
			to = append(to, path)
			w.WriteString("250 2.0.0 Ok\r\n")
		case "DATA":
			w.WriteString("354 Go on\r\n")
			if w.Flush() != nil || !skipContent(r) {
				return
			}
			s.took(to)
			w.WriteString("250 2.0.0 Taken\r\n")
		case "QUIT":
			w.WriteString("221 2.0.0 Bye\r\n")
			w.Flush()
			return
		default:
			w.WriteString("500 5.5.1 What?\r\n")
		}
	}
}

// skipContent reads to the final dot.
func skipContent(r *bufio.Reader) bool {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return false
		}
		if bytes.Equal(line, []byte(".\r\n")) {
			return true
		}
	}
}

func (s *Sink) took(to []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range to {
		s.taken[r] = append(s.taken[r], time.Now())
	}
}
