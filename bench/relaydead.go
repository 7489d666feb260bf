package main

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"posthorn/interop/peer"
)

// dead are hosts that take no mail, by the way they do not.
type dead struct {
	addrs map[string]string
	mute  net.Listener
	full  int        // a socket whose queue of connections is full
	stuck []net.Conn // what fills it
}

// newDead makes them: on port where the sink has no such address.
func newDead(port int) (d dead, err error) {
	d.addrs = map[string]string{"refused": "127.0.9.1:" + strconv.Itoa(port)}
	if d.mute, err = net.Listen("tcp", "127.0.9.2:"+strconv.Itoa(port)); err != nil {
		return d, err
	}
	d.addrs["mute"] = d.mute.Addr().String()
	go func(ln net.Listener) { // ends with the listener
		var held []net.Conn
		for {
			c, err := ln.Accept()
			if err != nil {
				break
			}
			held = append(held, c)
		}
		for _, c := range held {
			c.Close()
		}
	}(d.mute)
	return d, d.fill(port)
}

// fill makes a host whose kernel drops every SYN: nobody accepts, and there is
// no room for more who wait.
func (d *dead) fill(port int) (err error) {
	if d.full, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0); err != nil {
		return err
	}
	if err := syscall.Bind(d.full, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 9, 3}}); err != nil {
		return err
	}
	if err := syscall.Listen(d.full, 0); err != nil {
		return err
	}
	d.addrs["silent"] = "127.0.9.3:" + strconv.Itoa(port)
	for range 10 {
		c, err := net.DialTimeout("tcp", d.addrs["silent"], 300*time.Millisecond)
		if err != nil {
			return nil // it is full
		}
		d.stuck = append(d.stuck, c)
	}
	return fmt.Errorf("%s takes connections although nobody accepts them", d.addrs["silent"])
}

func (d dead) close() {
	d.mute.Close()
	for _, c := range d.stuck {
		c.Close()
	}
	syscall.Close(d.full)
}

const (
	deadMessages = 5_000
	liveEvery    = 50 * time.Millisecond
	liveAfter    = 5 * time.Second // that dead ones are all submitted
)

// relayBeside submits messages to a dead host as fast as it goes, and now and
// then one to a live host: how late does that leave, after its 250?
func relayBeside(kind, what string) workload {
	return workload{name: "relay-dead-" + kind,
		what:    fmt.Sprintf("%d messages to a host that %s: how late others leave", deadMessages, what),
		prepare: sends,
		columns: []column{{"worst ms", less}, {"p50 ms", less}, {"live messages", neither}},
		round: func(s *peer.Server, scale float64) ([]float64, error) {
			late, err := besideDead(s, kind, int64(deadMessages*scale))
			if err != nil {
				return nil, err
			}
			slices.Sort(late)
			return []float64{ms(late[len(late)-1]), ms(late[len(late)/2]), float64(len(late))}, s.Drop()
		}}
}

func besideDead(s *peer.Server, kind string, n int64) ([]time.Duration, error) {
	live := outgoing{s: s, to: func(int64) string { return "someone@" + sinkDomain(0) }}
	conns, err := live.login(1 + submitters)
	if err != nil {
		return nil, err
	}
	run := runs.Add(1)
	world.Expect(run, -1)
	var stop atomic.Bool
	taken := map[int64]time.Time{}
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(liveEvery)
		defer tick.Stop()
		no := int64(0)
		err = live.submitSome(conns[0], run, func() (int64, bool) { <-tick.C; no++; return no, !stop.Load() },
			func(n int64, _ time.Duration) { taken[n] = time.Now() })
	})
	_, err2 := outgoing{s: s, n: n, to: func(int64) string { return "someone@" + kind + ".sink.test" }}.submit(conns[1:], runs.Add(1))
	time.Sleep(liveAfter)
	stop.Store(true)
	wg.Wait()
	if err := errOr(err, err2); err != nil {
		return nil, err
	}
	var late []time.Duration
	for no, at := range taken {
		arrived, err := world.wait(no)
		if err != nil {
			return nil, err
		}
		late = append(late, max(0, arrived.Sub(at)))
	}
	return late, nil
}

// wait is Arrival for a message that may still be on its way.
func (k *outside) wait(n int64) (time.Time, error) {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if at := k.Arrival(n); !at.IsZero() {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("message %d to a live host has not come within a minute", n)
}
