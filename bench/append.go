package main

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"time"

	"posthorn/interop/peer"
)

// appends puts messages into INBOXes by APPEND, one after another on each of
// some connections.
func appends(name string, clients int) workload {
	n := 1500
	if clients == 1 {
		n = 500
	}
	return workload{name: name, what: fmt.Sprintf("APPEND of %d messages of 4 KiB to INBOX by %d clients", n, clients),
		columns: trafficColumns("msg/s"), steady: true, traffic: true, conns: clients, ceiling: true,
		round: func(s *peer.Server, scale float64) ([]float64, error) {
			return appendRound(s, clients, scaled(n, scale))
		}}
}

func appendRound(s *peer.Server, clients, n int) ([]float64, error) {
	if s.Name != nothing {
		if err := emptyAll(s); err != nil {
			return nil, err
		}
	}
	conns := make([]*imapConn, clients)
	for i := range conns {
		c, err := dialIMAP(s, s.Users[i%len(s.Users)])
		if err != nil {
			return nil, err
		}
		defer c.logout()
		conns[i] = c
	}
	run := runs.Add(1)
	sent := make([]int, n+1) // by message: to which user
	took := make([][]time.Duration, clients)
	t := traffic{n: n}
	var next atomic.Int64
	var err error
	if t.usage, err = timed(s, func() error {
		return parallel(clients, func(i int) error {
			message := newStamped(stranger, 4<<10).copy()
			for k := next.Add(1); k <= int64(n); k = next.Add(1) {
				sent[k] = i % len(s.Users)
				content := bytes.Join(message.number(run, k), nil)
				began := time.Now()
				if err := conns[i].put("INBOX", content, nil); err != nil {
					return err
				}
				took[i] = append(took[i], time.Since(began))
			}
			return nil
		})
	}); err != nil {
		return nil, err
	}
	if err := t.settle(s); err != nil {
		return nil, err
	}
	t.took = concat(took)
	if s.Name != nothing {
		err = verify(s, run, n, func(k int) []int { return sent[k : k+1] })
	}
	return t.figures(), err
}
