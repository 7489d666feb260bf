// Package mixture is an SMTP server for tests that misbehaves at random: it
// answers 250, 4yz or 5yz, closes after the dot, stalls, sends replies of ten
// megabytes, or loses TLS, and it remembers what became of each recipient.
package mixture

import (
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"
)

// Taking is one time that the server took a message for a recipient.
type Taking struct {
	At time.Time
	// Unsaid: the connection died after the dot, before the whole reply was out.
	// Who sends again is right to do so (RFC 1047).
	Unsaid bool
}

// Server is a running server.
type Server struct {
	Addr  string
	tls   *tls.Config
	stall time.Duration
	ln    net.Listener

	mu    sync.Mutex
	rand  *rand.Rand          // guarded by mu
	conns map[net.Conn]bool   // guarded by mu
	taken map[string][]Taking // guarded by mu, by recipient
	seen  map[string]int      // guarded by mu: faults played, by name

	done sync.WaitGroup
}

// Listen starts a server on a loopback port. A stall lasts as long as stall, and
// ends with the connection.
func Listen(seed uint64, config *tls.Config, stall time.Duration) (*Server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{Addr: ln.Addr().String(), tls: config, stall: stall, ln: ln, rand: rand.New(rand.NewPCG(seed, 1)),
		conns: map[net.Conn]bool{}, taken: map[string][]Taking{}, seen: map[string]int{}}
	s.done.Go(s.accept)
	return s, nil
}

func (s *Server) accept() {
	for {
		c, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = true
		p := s.plan()
		s.mu.Unlock()
		s.done.Go(func() {
			newSession(s, c, p).run()
			c.Close()
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		})
	}
}

// Close hangs up and waits for the last session.
func (s *Server) Close() {
	s.ln.Close()
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
}

// Taken is what was taken so far, by recipient.
func (s *Server) Taken() map[string][]Taking {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string][]Taking, len(s.taken))
	for to, t := range s.taken {
		all[to] = append([]Taking(nil), t...)
	}
	return all
}

// Played tells how often each fault was played.
func (s *Server) Played() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]int, len(s.seen))
	for name, n := range s.seen {
		all[name] = n
	}
	return all
}

func (s *Server) took(to []string, unsaid bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range to {
		s.taken[r] = append(s.taken[r], Taking{time.Now(), unsaid})
	}
}

func (s *Server) play(fault string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[fault]++
}

// The stages at which a connection may go wrong.
var stages = []string{"GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DOT"}

// The ways in which it may.
const (
	closes   = "close"
	stalls   = "stall"
	floods   = "ten megabytes"
	busy     = "421"
	tlsGone  = "TLS refused"
	tlsBroke = "TLS broken off"
	tlsNoise = "TLS garbled"
)

// plan is how one connection behaves: well, or with one fault at one stage.
type plan struct {
	fault, stage string
	after        int // transactions before it
	tls, chunks  bool
	dice         *rand.Rand // for the replies to single commands
}

// plan draws one; mu is held.
func (s *Server) plan() plan {
	r := s.rand
	p := plan{tls: r.IntN(2) == 0, chunks: r.IntN(2) == 0, dice: rand.New(rand.NewPCG(r.Uint64(), 2))}
	if r.IntN(6) == 0 {
		faults := []string{closes, closes, stalls, floods, busy, tlsGone, tlsBroke, tlsNoise}
		p.fault, p.stage, p.after = faults[r.IntN(len(faults))], stages[r.IntN(len(stages))], r.IntN(3)
		if strings.HasPrefix(p.fault, "TLS") {
			p.tls = true
		}
	}
	return p
}

// draw picks one of the answers by their weights.
func draw(r *rand.Rand, weights []int, answers []string) string {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	n := r.IntN(sum)
	for i, w := range weights {
		if n -= w; n < 0 {
			return answers[i]
		}
	}
	return ""
}

// flood is a reply of ten megabytes.
func flood(code int) string {
	line := fmt.Sprintf("%d-%s\r\n", code, strings.Repeat("x", 500))
	return strings.Repeat(line, 10<<20/len(line)) + fmt.Sprintf("%d end\r\n", code)
}
