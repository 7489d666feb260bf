package main

import (
	"fmt"
	"strings"
	"time"

	"posthorn/interop/corpus"
	"posthorn/interop/peer"
)

// envelopes fetches the ENVELOPE of each message of one large mailbox, caches
// warm: the mailbox is fetched once before it is timed.
var envelopes = workload{
	name: "envelopes", what: "FETCH 1:* (ENVELOPE) of 20,000 messages over TLS, warm",
	columns: []column{{"ms", less}, {"CPU ms", less}},
	prepare: func(s *peer.Server, scale float64) error {
		if err := emptyAll(s); err != nil {
			return err
		}
		return fill(s, s.Users[0], int(20000*scale))
	},
	round: func(s *peer.Server, scale float64) ([]float64, error) {
		c, err := dialIMAP(s, s.Users[0])
		if err != nil {
			return nil, err
		}
		defer c.logout()
		if err := c.do("SELECT INBOX", nil); err != nil {
			return nil, err
		}
		var took [2]time.Duration
		var cpu [2]time.Duration
		for i := range took { // the first warms
			u0, err := s.Usage()
			if err != nil {
				return nil, err
			}
			n := 0
			begin := time.Now()
			if err := c.do("FETCH 1:* (ENVELOPE)", func(l string) {
				if strings.Contains(l, " FETCH (") {
					n++
				}
			}); err != nil {
				return nil, err
			}
			took[i] = time.Since(begin)
			u1, err := s.Usage()
			if err != nil {
				return nil, err
			}
			cpu[i] = u1.CPU - u0.CPU
			if want := int(20000 * scale); n != want {
				return nil, fmt.Errorf("%d envelopes came, not %d", n, want)
			}
		}
		return []float64{float64(took[1]) / 1e6, float64(cpu[1]) / 1e6}, nil
	},
}

// fill appends n messages of the corpus.
func fill(s *peer.Server, user string, n int) error {
	c, err := dialIMAP(s, user)
	if err != nil {
		return err
	}
	defer c.logout()
	for _, m := range corpus.Make(20000, n) {
		if err := c.put("INBOX", m.Bytes, nil); err != nil {
			return fmt.Errorf("a %s message: %w", m.Kind, err)
		}
	}
	return nil
}

const idlers = 1000

// idle measures what a server holds with nobody there, and what 1,000
// connections cost that have logged in, selected INBOX and idle.
var idle = workload{
	name: "idle", what: fmt.Sprintf("memory (proportional set) with nobody there, and with %d idle IMAP connections over TLS", idlers),
	columns: []column{{"MiB before", less}, {"MiB with", less}, {"KiB each", less}},
	round: func(s *peer.Server, scale float64) ([]float64, error) {
		before, err := s.Usage()
		if err != nil {
			return nil, err
		}
		var conns []*imapConn
		defer func() {
			for _, c := range conns {
				c.Close()
			}
		}()
		n := int(idlers * scale)
		for i := range n {
			c, err := dialIMAP(s, s.Users[i%len(s.Users)])
			if err != nil {
				return nil, err
			}
			conns = append(conns, c)
			if err := c.do("SELECT INBOX", nil); err != nil {
				return nil, err
			}
			if err := c.begin("IDLE"); err != nil {
				return nil, err
			}
			if err := c.proceed("IDLE", nil); err != nil {
				return nil, err
			}
		}
		time.Sleep(5 * time.Second) // what is measured is rest
		with, err := s.Usage()
		if err != nil {
			return nil, err
		}
		const mib = 1 << 20
		return []float64{float64(before.PSS) / mib, float64(with.PSS) / mib, float64(with.PSS-before.PSS) / 1024 / float64(n)}, nil
	},
}
