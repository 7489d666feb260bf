package main

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"posthorn/interop/peer"
	"posthorn/relay/relaytest/sink"
)

// The relay workloads: mail that people submit goes out to other hosts.
//
// Mail for hostN.sink.test goes to the N-th address of the sink, by routes of
// Posthorn and by a transport map of Postfix, so that no DNS is measured. All
// servers sync what they take in. DKIM is off.

const (
	sinkHosts   = 1000
	relayed     = 2_000
	relayedMany = 10_000
	submitters  = 16
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
		relayTo("relay-one", "one host", 1, relayed),
		relayTo("relay-20", "20 hosts in turn", 20, relayed),
		relayTo("relay-many", fmt.Sprintf("%d hosts in turn", sinkHosts), sinkHosts, relayedMany),
		relayThrough("relay-one-through", "one host", 1, relayedMany),
		relayThrough("relay-many-through", fmt.Sprintf("%d hosts in turn", sinkHosts), sinkHosts, relayedMany),
		relayBeside("refused", "refuses to be connected to"),
		relayBeside("mute", "takes connections and never greets"),
		relayBeside("silent", "does not answer at all"),
	}
}

// relayTo submits n messages of 4 KiB over 16 connections with a login, one
// recipient each, while the hosts outside keep everyone waiting for their
// greeting: that is submission alone. The clock starts when all have logged in:
// what a login costs is measured by workloads of its own, and here it would weigh
// the less the more messages there are. When the server is at rest the hosts
// greet, and the clock of the drain runs from there to the last message.
func relayTo(name, what string, hosts, n int) workload {
	return workload{name: name, what: fmt.Sprintf("%d messages of 4 KiB to %s: submitted over %d connections, then sent from the queue", n, what, submitters),
		columns: append(trafficColumns("submit msg/s"), column{colDrain, more}, column{colDrainCPU, less}, column{"connections", neither}, column{"at a time", neither}),
		steady:  true, traffic: true, conns: submitters, ceiling: true, besides: []string{"posthorn" + signing}, prepare: sends,
		round: func(s *peer.Server, scale float64) ([]float64, error) {
			l := outgoing{s: s, n: int64(scaled(n, scale)), to: func(n int64) string { return "someone@" + sinkDomain(int(n)%hosts) }}
			in, out, err := l.drain()
			if err != nil || s.Name == nothing {
				return append(in.figures(), noFigure, noFigure, noFigure, noFigure), err
			}
			if _, has := cutEndings(s.Name); has[signing] && world.Signed() != int(l.n) {
				return nil, fmt.Errorf("%d of %d messages were signed", world.Signed(), l.n)
			}
			made, most := world.Connections()
			return append(in.figures(), float64(l.n)/out.took.Seconds(), ms(out.cpu+out.behind)/float64(l.n), float64(made), float64(most)), nil
		}}
}

// sends tells whether a server has been told where the hosts outside are.
func sends(s *peer.Server, _ float64) error {
	if s.Submission == "" || s.Drop == nil {
		return errLacking{"routes to the hosts outside"}
	}
	return nil
}

const (
	colDrain    = "drain msg/s"
	colDrainCPU = "drain CPU ms"
)

// relayThrough has hosts that are ready, and its clock runs from the first
// submission to the last message outside.
func relayThrough(name, what string, hosts, n int) workload {
	return workload{name: name, what: fmt.Sprintf("%d messages of 4 KiB to %s, from the first submission to the last message there", n, what),
		columns: []column{{"msg/s", more}, {colCPU, less}}, steady: true, prepare: sends,
		round: func(s *peer.Server, scale float64) ([]float64, error) {
			l := outgoing{s: s, n: int64(scaled(n, scale)), to: func(n int64) string { return "someone@" + sinkDomain(int(n)%hosts) }}
			u, err := l.through()
			return []float64{float64(l.n) / u.took.Seconds(), ms(u.cpu+u.behind) / float64(l.n)}, err
		}}
}

// outgoing is n messages to relay.
type outgoing struct {
	s  *peer.Server
	n  int64
	to func(n int64) string
}

// drain gives what the submissions took, and then the queue.
func (l outgoing) drain() (in traffic, out usage, err error) {
	world.Shut()
	run := runs.Add(1)
	full := world.Expect(run, int(l.n))
	in.n = int(l.n)
	conns, err := l.login(submitters)
	if err == nil {
		in.usage, err = timed(l.s, func() error {
			in.took, err = l.submit(conns, run)
			return err
		})
	}
	if err == nil {
		err = in.settle(l.s)
	}
	if err != nil || l.s.Name == nothing {
		world.Open()
		return in, out, err
	}
	out, err = timed(l.s, func() error {
		world.Open()
		return await(full)
	})
	return in, out, l.end(&out, err)
}

func (l outgoing) through() (u usage, err error) {
	run := runs.Add(1)
	full := world.Expect(run, int(l.n))
	conns, err := l.login(submitters)
	if err != nil {
		return u, err
	}
	u, err = timed(l.s, func() error {
		if _, err := l.submit(conns, run); err != nil {
			return err
		}
		return await(full)
	})
	return u, l.end(&u, err)
}

// end waits until the server has nothing left to do: no message may come twice.
func (l outgoing) end(u *usage, err error) error {
	if err == nil {
		err = u.settle(l.s)
	}
	return errOr(err, world.Verify())
}

func await(full <-chan struct{}) error {
	select {
	case <-full:
		return nil
	case <-time.After(10 * time.Minute):
		return fmt.Errorf("not all messages came within ten minutes")
	}
}

// submission is a connection on which a user has logged in.
type submission struct {
	*smtpConn
	user string
}

// login makes n of them, of all users in turn.
func (l outgoing) login(n int) ([]submission, error) {
	conns := make([]submission, n)
	err := parallel(n, func(i int) error {
		user := l.s.Users[i%len(l.s.Users)]
		c, err := dialSubmission(l.s, user)
		if err != nil {
			return fmt.Errorf("log in to %s: %w", l.s.Name, err)
		}
		conns[i] = submission{c, user}
		return nil
	})
	if err != nil {
		for _, c := range conns {
			if c.smtpConn != nil {
				c.Close()
			}
		}
	}
	return conns, err
}

// submit gives the server all messages, and tells how long each waited for
// the reply to its final dot. It ends the connections.
func (l outgoing) submit(conns []submission, run int64) ([]time.Duration, error) {
	next := atomic.Int64{}
	took := make([][]time.Duration, len(conns))
	err := parallel(len(conns), func(i int) error {
		return l.submitSome(conns[i], run, func() (int64, bool) { n := next.Add(1); return n, n <= l.n },
			func(_ int64, d time.Duration) { took[i] = append(took[i], d) })
	})
	return concat(took), err
}

// submitSome submits, over one connection, the messages that next names, calls
// taken after each, and ends the connection.
func (l outgoing) submitSome(c submission, run int64, next func() (int64, bool), taken func(n int64, waited time.Duration)) error {
	defer c.Close()
	from := c.user
	body := newStamped(from, 4<<10).body
	for n, ok := next(); ok; n, ok = next() {
		to := l.to(n)
		waited, err := c.send(from, []string{to}, submitted(from, to, run, n, body)...)
		if err != nil {
			return fmt.Errorf("submit to %s: %w", l.s.Name, err)
		}
		taken(n, waited)
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
