package main

import (
	"time"

	"posthorn/interop/peer"
)

// memory is what a Posthorn with many accounts holds: after a clean start, at
// most while large messages come over many connections, and a minute later.
func memory() workload {
	return workload{name: "memory", what: "proportional set of a server with many accounts: after a clean start, at most while 64 connections send messages of 5 MiB, and a minute later",
		columns: []column{{colPSS, less}, {colPeak, less}, {colSettled, less}, {"msg/s", more}},
		alone:   "posthorn" + crowded, round: memoryRound}
}

func memoryRound(s *peer.Server, scale float64) ([]float64, error) {
	const mib = 1 << 20
	if err := s.Restart(); err != nil {
		return nil, err
	}
	if _, err := rest(s); err != nil {
		return nil, err
	}
	before, err := s.Usage()
	if err != nil {
		return nil, err
	}
	load, err := parseLoad("smtp64-5m")
	if err != nil {
		return nil, err
	}
	peak := watchPSS(s)
	t, err := load.run(s, scaled(load.n, scale))
	most := peak()
	if err != nil {
		return nil, err
	}
	time.Sleep(time.Minute)
	after, err := s.Usage()
	return []float64{float64(before.PSS) / mib, float64(most) / mib, float64(after.PSS) / mib, float64(t.n) / t.usage.took.Seconds()}, err
}

// watchPSS looks again and again; the function it gives ends that and tells the
// most it saw.
func watchPSS(s *peer.Server) (most func() int64) {
	stop, done := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			if u, err := s.Usage(); err == nil { // one look that fails is another's turn
				most = max(most, u.PSS)
			}
			select {
			case <-tick.C:
			case <-stop:
				done <- most
				return
			}
		}
	}()
	return func() int64 { close(stop); return <-done }
}
