package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"posthorn/interop/corpus"
	"posthorn/interop/peer"
	"posthorn/relay/relaytest/sink"
)

// The relay workloads: mail that people submit goes out to other hosts.
//
// Mail for hostN.sink.test goes to the N-th address of the sink, by routes of
// Posthorn and by a transport map of Postfix, so that no DNS is measured. All
// servers sync what they take in. DKIM is off.

const (
	sinkHosts  = 1000
	relayed    = 10_000
	submitters = 16
)

// world is where the servers that are measured send to; nil when no workload
// needs it.
var world *outside

// outside is a sink and some hosts that are dead in one way each.
type outside struct {
	*sink.Sink
	dead dead
}

func newOutside() (*outside, error) {
	k, err := sink.Listen(sinkHosts)
	if err != nil {
		return nil, err
	}
	o := &outside{Sink: k}
	if o.dead, err = newDead(k.Port); err != nil {
		k.Close()
		return nil, err
	}
	return o, nil
}

func (o *outside) close() {
	o.Sink.Close()
	o.dead.close()
}

// transports maps the domains outside to host:port.
func (o *outside) transports() map[string]string {
	if o == nil {
		return nil
	}
	all := map[string]string{}
	for i := range sinkHosts {
		all[sinkDomain(i)] = o.Addr(i)
	}
	for kind, addr := range o.dead.addrs {
		all[kind+".sink.test"] = addr
	}
	return all
}

func sinkDomain(n int) string { return fmt.Sprintf("host%d.sink.test", n) }

func relayWorkloads() []workload {
	return []workload{
		relayTo("relay-one", "one host", 1),
		relayTo("relay-many", fmt.Sprintf("%d hosts in turn", sinkHosts), sinkHosts),
		relayBeside("refused", "refuses to be connected to"),
		relayBeside("mute", "takes connections and never greets"),
		relayBeside("silent", "does not answer at all"),
	}
}

// relayTo submits messages of 4 KiB over 16 connections, one recipient each.
//
// drain: the hosts outside keep everyone waiting for their greeting until all
// is submitted and the server is at rest. The clock runs from the first greeting
// to the last message.
//
// end to end: the hosts are ready, and the clock runs from the first submission
// to the last message outside.
func relayTo(name, what string, hosts int) workload {
	return workload{name: name, what: fmt.Sprintf("%d messages of 4 KiB to %s: from the queue, and from submission on", relayed, what),
		columns: []string{"drain msg/s", "CPU ms/msg", "end to end msg/s", "CPU ms/msg", "connections", "at a time"},
		better:  func(c int) int { return []int{1, -1, 1, -1, 0, 0}[c] },
		round: func(s *peer.Server, scale float64) ([]float64, error) {
			l := outgoing{s: s, n: int64(relayed * scale), to: func(n int64) string { return "someone@" + sinkDomain(int(n)%hosts) }}
			drain, err := l.drain()
			if err != nil {
				return nil, err
			}
			made, most := world.Connections()
			through, err := l.through()
			if err != nil {
				return nil, err
			}
			per := ms(1) / float64(l.n)
			return []float64{float64(l.n) / drain.took.Seconds(), float64(drain.cpu) * per,
				float64(l.n) / through.took.Seconds(), float64(through.cpu) * per, float64(made), float64(most)}, nil
		}}
}

// outgoing is n messages to relay.
type outgoing struct {
	s  *peer.Server
	n  int64
	to func(n int64) string
}

func (l outgoing) drain() (usage, error) {
	world.Shut()
	run := runs.Add(1)
	full := world.Expect(run, int(l.n))
	err := l.submit(run)
	if err == nil {
		_, err = rest(l.s)
	}
	if err != nil {
		world.Open()
		return usage{}, err
	}
	u, err := timed(l.s, func() error {
		world.Open()
		return await(full)
	})
	return u, l.end(err)
}

func (l outgoing) through() (usage, error) {
	run := runs.Add(1)
	full := world.Expect(run, int(l.n))
	u, err := timed(l.s, func() error {
		if err := l.submit(run); err != nil {
			return err
		}
		return await(full)
	})
	return u, l.end(err)
}

// end waits until the server has nothing left to do: no message may come twice.
func (l outgoing) end(err error) error {
	if err == nil {
		_, err = rest(l.s)
	}
	if e := world.Verify(); e != nil {
		err = errOr(err, e)
	}
	return err
}

func await(full <-chan struct{}) error {
	select {
	case <-full:
		return nil
	case <-time.After(10 * time.Minute):
		return fmt.Errorf("not all messages came within ten minutes")
	}
}

// submit gives the server all messages.
func (l outgoing) submit(run int64) error {
	next := atomic.Int64{}
	errs := make([]error, submitters)
	var wg sync.WaitGroup
	for i := range submitters {
		wg.Go(func() {
			errs[i] = l.submitSome(i, run, func() (int64, bool) { n := next.Add(1); return n, n <= l.n }, nil)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// submitSome submits, over one connection, the messages that next names, and
// calls taken after each.
func (l outgoing) submitSome(who int, run int64, next func() (int64, bool), taken func(n int64)) error {
	from := l.s.Users[who%len(l.s.Users)]
	_, body, _ := bytes.Cut(corpus.Plain(uint64(run), "<>", 4<<10), []byte("\r\n\r\n"))
	c, err := dialSubmission(l.s, from)
	if err != nil {
		return err
	}
	defer c.Close()
	for n, ok := next(); ok; n, ok = next() {
		to := l.to(n)
		head := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: number %d\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: %s\r\n\r\n",
			from, to, n, sink.MessageID(run, n))
		if _, err := c.send(from, to, append([]byte(head), body...)); err != nil {
			return fmt.Errorf("submit to %s: %w", l.s.Name, err)
		}
		if taken != nil {
			taken(n)
		}
	}
	return c.quit()
}

// wantsOutside tells whether one of the workloads sends there.
func wantsOutside(all []workload) bool {
	for _, w := range all {
		if strings.HasPrefix(w.name, "relay-") || w.name == queueMillionName {
			return true
		}
	}
	return false
}
