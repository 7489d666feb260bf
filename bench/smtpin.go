package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"posthorn/interop/corpus"
	"posthorn/interop/peer"
	"posthorn/relay/relaytest/sink"
)

var workloads = []workload{
	smtpIn("smtp1", 1, 0, 1000, 4<<10),
	smtpIn("smtp16", 16, 0, 3000, 4<<10),
	smtpIn("smtp16-100k", 16, 0, 800, 100<<10),
	smtpIn("connect16", 16, 1, 1000, 4<<10),
	envelopes,
	idle,
}

// smtpIn sends n messages over conns connections, perConn messages on each
// (0: all on one), without pipelining, and waits until they stand in INBOX.
func smtpIn(name string, conns, perConn, n, size int) workload {
	what := fmt.Sprintf("%d octets each over %d connections, until all stand in INBOX", size, conns)
	if perConn > 0 {
		what += fmt.Sprintf("; a new connection after %d", perConn)
	}
	return workload{name: name, what: what,
		columns: []string{"msg/s", "reply p50 ms", "reply p99 ms", "CPU ms/msg"},
		better:  func(c int) int { return []int{1, -1, -1, -1}[c] },
		round: func(s *peer.Server, scale float64) ([]float64, error) {
			return load{s, conns, perConn, int(float64(n) * scale), size}.run()
		}}
}

type load struct {
	s                       *peer.Server
	conns, perConn, n, size int
}

var runs atomic.Int64 // makes the Message-IDs of one run its own

func (l load) run() ([]float64, error) {
	if err := emptyAll(l.s); err != nil {
		return nil, err
	}
	watch, err := watchInboxes(l.s)
	if err != nil {
		return nil, err
	}
	defer watch.logout()
	before, err := l.s.Usage()
	if err != nil {
		return nil, err
	}
	id := runs.Add(1)
	next := atomic.Int64{}
	took := make([][]time.Duration, l.conns)
	errs := make([]error, l.conns)
	var wg sync.WaitGroup
	begin := time.Now()
	for c := range l.conns {
		wg.Go(func() { took[c], errs[c] = l.send(id, &next) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	if err := watch.wait(l.n); err != nil {
		return nil, err
	}
	elapsed := time.Since(begin)
	after, err := l.s.Usage()
	if err != nil {
		return nil, err
	}
	if err := verify(l.s, id, l.n); err != nil {
		return nil, err
	}
	all := slices.Concat(took...)
	slices.Sort(all)
	return []float64{float64(l.n) / elapsed.Seconds(), ms(all[len(all)/2]), ms(all[len(all)*99/100]),
		ms(after.CPU-before.CPU) / float64(l.n)}, nil
}

// send takes numbers until none are left; what it times is from the final dot
// to its reply.
func (l load) send(run int64, next *atomic.Int64) (took []time.Duration, err error) {
	template := corpus.Plain(uint64(run), "<ID>", l.size)
	var c *smtpConn
	for sent := 0; ; sent++ {
		n := next.Add(1)
		if n > int64(l.n) {
			if c != nil {
				return took, c.quit()
			}
			return took, nil
		}
		if c != nil && l.perConn > 0 && sent%l.perConn == 0 {
			if err := c.quit(); err != nil {
				return took, err
			}
			c = nil
		}
		if c == nil {
			if c, err = dialSMTP(l.s.SMTP); err != nil {
				return took, err
			}
		}
		body := bytes.Replace(template, []byte("<ID>"), []byte(sink.MessageID(run, n)), 1)
		d, err := c.send("sender@elsewhere.invalid", l.s.Users[int(n)%len(l.s.Users)], body)
		if err != nil {
			return took, err
		}
		took = append(took, d)
	}
}

// smtpConn is the least client that does not pipeline.
type smtpConn struct {
	net.Conn
	r *bufio.Reader
}

func dialSMTP(addr string) (*smtpConn, error) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &smtpConn{nc, bufio.NewReader(nc)}
	if err := c.expect("2"); err != nil {
		return nil, err
	}
	return c, c.do("EHLO bench.invalid", "2")
}

func (c *smtpConn) expect(class string) error {
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return err
		}
		if len(line) < 4 || !strings.HasPrefix(line, class) {
			return fmt.Errorf("server answered %q", line)
		}
		if line[3] != '-' {
			return nil
		}
	}
}

func (c *smtpConn) do(line, class string) error {
	if _, err := c.Write([]byte(line + "\r\n")); err != nil {
		return err
	}
	if err := c.expect(class); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	return nil
}

// send sends a message that has no line starting with a dot.
func (c *smtpConn) send(from, to string, body []byte) (time.Duration, error) {
	for _, step := range [][2]string{{"MAIL FROM:<" + from + ">", "2"}, {"RCPT TO:<" + to + ">", "2"}, {"DATA", "3"}} {
		if err := c.do(step[0], step[1]); err != nil {
			return 0, err
		}
	}
	if _, err := c.Write(slices.Concat(body, []byte(".\r\n"))); err != nil {
		return 0, err
	}
	begin := time.Now()
	err := c.expect("2")
	return time.Since(begin), err
}

func (c *smtpConn) quit() error {
	err := c.do("QUIT", "2")
	c.Close()
	return err
}
