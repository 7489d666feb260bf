package main

import (
	"sync"
	"sync/atomic"
	"time"

	"posthorn/interop/peer"
)

// smtpIn is the workload of a load's name.
func smtpIn(name string) (workload, error) {
	l, err := parseLoad(name)
	if err != nil {
		return workload{}, err
	}
	w := workload{name: name, what: l.String(), columns: trafficColumns("msg/s"),
		steady: true, traffic: true, conns: l.conns, ceiling: true, besides: besides[name],
		round: func(s *peer.Server, scale float64) ([]float64, error) {
			n := max(scaled(l.n, scale), l.conns)
			if s.Name == nothing && l.size <= 100<<10 {
				n = max(n, 5000) // else it is over before it has begun
			}
			t, err := l.run(s, n)
			if err != nil {
				return nil, err
			}
			return t.figures(), nil
		}}
	if l.size >= 1<<20 {
		w.disk = func() (float64, error) { return writeAlone(l.size, min(l.conns, 16), l.n) }
	}
	return w, nil
}

// stranger is who mail from outside is from.
const stranger = "sender@elsewhere.invalid"

var runs atomic.Int64 // makes the Message-IDs of one run its own

// run sends n messages and waits until they stand in INBOX.
func (l smtpLoad) run(s *peer.Server, n int) (t traffic, err error) {
	if s.Name != nothing {
		if err := emptyAll(s); err != nil {
			return t, err
		}
	}
	watch, err := watchInboxes(s)
	if err != nil {
		return t, err
	}
	defer watch.logout()
	to := spread(l.recipients, len(s.Users))
	want := to.counts(n, len(s.Users))
	message, from, err := l.message()
	if err != nil {
		return t, err
	}
	run := runs.Add(1)
	t.n = n
	if t.usage, err = timed(s, func() error {
		if t.took, err = l.send(s, run, n, message, from, to); err != nil {
			return err
		}
		return watch.wait(want)
	}); err != nil {
		return t, err
	}
	if err := t.settle(s); err != nil || s.Name == nothing {
		return t, err
	}
	if err := verify(s, run, n, to); err != nil {
		return t, err
	}
	if l.signed {
		err = proved(s)
	}
	return t, err
}

// message is what is sent, and its return path.
func (l smtpLoad) message() (stamped, string, error) {
	if l.signed {
		m, err := signedMessage(l.size)
		return m, "sender@" + signerDomain, err
	}
	return newStamped(stranger, l.size), stranger, nil
}

// send sends messages 1 to n over all connections and gives how long each
// waited for the reply to its final dot.
func (l smtpLoad) send(s *peer.Server, run int64, n int, message stamped, from string, to address) ([]time.Duration, error) {
	var next atomic.Int64
	took := make([][]time.Duration, l.conns)
	err := parallel(l.conns, func(i int) (err error) {
		took[i], err = l.sendSome(s, run, func() (int64, bool) { k := next.Add(1); return k, k <= int64(n) }, message.copy(), from, to)
		return err
	})
	return concat(took), err
}

// sendSome sends the messages that next names over one connection, or one for
// each.
func (l smtpLoad) sendSome(s *peer.Server, run int64, next func() (int64, bool), message stamped, from string, to address) (took []time.Duration, err error) {
	var c *smtpConn
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	rcpts := make([]string, l.recipients)
	for n, ok := next(); ok; n, ok = next() {
		if c == nil {
			if c, err = dialSMTP(s.SMTP, l.tls); err != nil {
				return took, err
			}
		}
		for i, u := range to(int(n)) {
			rcpts[i] = s.Users[u]
		}
		d, err := c.send(from, rcpts, message.number(run, n)...)
		if err != nil {
			return took, err
		}
		took = append(took, d)
		if l.connect {
			if err := c.quit(); err != nil {
				return took, err
			}
			c = nil
		}
	}
	if c != nil {
		return took, c.quit()
	}
	return took, nil
}

// parallel calls fn n times at once and gives the first error.
func parallel(n int, fn func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = fn(i) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func concat[T any](parts [][]T) (all []T) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}
