package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"posthorn/interop/peer"
	"posthorn/mail"
	"posthorn/store"
)

// queueMillionWorkload shows what a queue of n waiting deliveries costs: to start
// with, to look at, and to work through.
func queueMillionWorkload(n int) workload {
	q := &queueMillion{n: n}
	return workload{name: queueMillionName, what: fmt.Sprintf("a queue of %d deliveries that wait: start, first page of the list, memory, and %s of working through", n, workThrough),
		columns: []column{{"start s", less}, {"first page ms", less}, {"idle MiB", less}, {"working MiB", less}, {"deliveries/s", more}},
		prepare: q.prepare, round: q.round, alone: "posthorn"}
}

const (
	queueMillionName = "queue-million"

	workThrough = time.Minute
	perItem     = 10  // recipients of a message
	perCommit   = 250 // messages
)

type queueMillion struct{ n int }

// prepare fills the queue through the store's own API, as many messages had been
// accepted and tried once.
func (q *queueMillion) prepare(s *peer.Server, _ float64) error {
	began := time.Now()
	if err := offline(s, q.fill); err != nil {
		return err
	}
	fmt.Printf("%s: %d deliveries of %d messages entered in %.1f s\n", s.Name, q.n, q.n/perItem, time.Since(began).Seconds())
	return nil
}

func (q *queueMillion) fill(ctx context.Context, st *store.Store) error {
	body := smallOnes.message(1)
	due := time.Now().Add(time.Hour)
	for from := 0; from < q.n/perItem; from += perCommit {
		var c store.Change
		for i := from; i < min(from+perCommit, q.n/perItem); i++ {
			sp := store.Spooled{QueueID: mail.NewID(), Expires: due.Add(5 * 24 * time.Hour),
				Envelope: mail.Envelope{From: mail.Path{Local: "user1", Domain: domain}}, Origin: mail.Origin{Login: "user1@" + domain, Proven: true}}
			var err error
			if sp.Blob, err = st.Put(ctx, &mail.Mail{Content: mail.Bytes(body)}); err != nil {
				return err
			}
			for k := range perItem {
				n := i*perItem + k
				to := mail.Path{Local: fmt.Sprintf("someone%d", n), Domain: sinkDomain(n % sinkHosts)}
				sp.Deliveries = append(sp.Deliveries, store.NewDelivery{Recipient: mail.Recipient{Path: to}, Destination: world.Addr(n % sinkHosts),
					Due: due.Add(time.Duration(n) * time.Millisecond), Status: mail.Status{Reply: mail.NoAnswer.With(to.Domain)}})
			}
			c.Spool = append(c.Spool, sp)
		}
		if _, err := st.Commit(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (q *queueMillion) round(s *peer.Server, _ float64) ([]float64, error) {
	start, err := clock(s.Restart)
	if err != nil {
		return nil, err
	}
	if _, err := rest(s); err != nil {
		return nil, err
	}
	idle, err := s.Usage()
	if err != nil {
		return nil, err
	}
	page, err := clock(func() error { return firstPage(s) })
	if err != nil {
		return nil, err
	}
	before, after := 0, 0
	err = offline(s, func(ctx context.Context, st *store.Store) (err error) {
		before, err = retryAll(ctx, st)
		return err
	})
	if err != nil {
		return nil, err
	}
	most, err := mostMemory(s, workThrough)
	if err != nil {
		return nil, err
	}
	err = offline(s, func(ctx context.Context, st *store.Store) (err error) {
		after, err = retryAll(ctx, st)
		return err
	})
	const mib = 1 << 20
	return []float64{start.Seconds(), ms(page), float64(idle.RSS) / mib, float64(most) / mib, float64(before-after) / workThrough.Seconds()}, err
}

// firstPage has the server print what a list of the queue begins with, as an
// administrator sees it: the whole command, which has never been asked before.
func firstPage(s *peer.Server) error {
	list, err := s.List()
	if err == nil && !strings.Contains(list, "There is more") {
		err = fmt.Errorf("the first page of the queue is all of it:\n%s", list)
	}
	return err
}

// retryAll makes everything due now and tells how much waits.
func retryAll(ctx context.Context, st *store.Store) (waiting int, err error) {
	after := store.ItemID(0)
	for {
		items, err := st.Items(ctx, after, 500)
		if err != nil || len(items) == 0 {
			return waiting, err
		}
		var ids []store.DeliveryID
		for _, it := range items {
			all, err := st.Deliveries(ctx, it.ID)
			if err != nil {
				return 0, err
			}
			for _, d := range all {
				if d.State == store.Waiting {
					ids = append(ids, d.ID)
				}
			}
			after = it.ID
		}
		if err := st.Retry(ctx, ids, time.Now()); err != nil {
			return 0, err
		}
		waiting += len(ids)
	}
}

// mostMemory looks at the resident memory for a while.
func mostMemory(s *peer.Server, long time.Duration) (most int64, err error) {
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(250 * time.Millisecond) {
		u, err := s.Usage()
		if err != nil {
			return 0, err
		}
		most = max(most, u.RSS)
	}
	return most, nil
}
