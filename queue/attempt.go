package queue

import (
	"context"
	"errors"
	"io"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// work is deliveries of one item to one destination: one attempt.
type work struct {
	item       store.ItemID
	priority   store.Priority
	deliveries []store.Delivery
}

// feedback is what an attempt tells about its destination.
type feedback struct {
	answers bool        // the destination talks with us
	slow    bool        // and wants less
	trouble mail.Status // else, when not zero: it is in trouble as a whole
}

// attemptTime bounds one: a host that takes octet after octet does not hold a
// connection for ever. 50 MB pass in it at 14 kB/s.
const attemptTime = time.Hour

// enter makes an outcome durable and gives the earliest time one of its
// deliveries is due again; zero: none.
type enter func() time.Time

// attempt makes one. Its outcome is known then and not yet on disk: enter does
// that, and until it has nobody tries these recipients again (Q11).
func (q *Queue) attempt(ctx context.Context, destination string, w *work) (feedback, enter) {
	it, ok := q.item(ctx, w.item)
	if !ok {
		return feedback{}, func() time.Time { return time.Time{} }
	}
	m := q.mailOf(ctx, it)
	for _, d := range w.deliveries {
		m.To = append(m.To, d.Recipient)
	}
	if destination == local {
		return feedback{}, func() time.Time { return q.attemptHere(ctx, it, m, w) }
	}
	start := time.Now()
	statuses := q.deliver(ctx, destination, m)
	results := makeResults(w.deliveries, statuses, start)
	if ctx.Err() != nil {
		// Cut short by the program's end: what the hosts said stands, what they
		// did not say is no outcome.
		results = answered(results)
	}
	return q.assess(it, results), func() time.Time { return q.enterResults(ctx, []settled{{it, results}}) }
}

// deliver is the attempt itself. Where the return path to leave with cannot be
// found, it is not made: the store fails just now.
func (q *Queue) deliver(ctx context.Context, destination string, m *mail.Mail) []mail.Status {
	var err error
	if m.Outward, err = q.placer.Outward(ctx, m); err != nil {
		q.log.Error("return path cannot be made", "queue_id", m.QueueID, "error", err)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	return q.agent.Deliver(ctx, destination, m, m.To)
}

// item reads an item; while the store fails it is tried again. It is false when
// the item has gone, as one does that was dropped, and at the program's end.
func (q *Queue) item(ctx context.Context, id store.ItemID) (it store.Item, ok bool) {
	err := q.insist(ctx, "item cannot be read, trying again", func() (err error) {
		it, err = q.st.Item(ctx, id)
		if ok = err == nil; errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	return it, ok && err == nil
}

func makeResults(deliveries []store.Delivery, statuses []mail.Status, start time.Time) []result {
	results := make([]result, len(deliveries))
	for i, d := range deliveries {
		results[i] = result{Delivery: d, status: mail.Status{Reply: mail.LocalError}, at: time.Now(), took: time.Since(start)}
		if i < len(statuses) && statuses[i].Reply.Code != 0 {
			results[i].status = statuses[i]
		}
	}
	return results
}

func answered(results []result) (said []result) {
	for _, r := range results {
		if !r.status.Reply.Temporary() {
			said = append(said, r)
		}
	}
	return said
}

// assess finds whether the destination as a whole is in trouble: when each
// recipient met the same, and it is not the message's own, as a wish for TLS that
// others do not have (RFC 8689).
func (q *Queue) assess(it store.Item, results []result) feedback {
	for _, r := range results {
		if errors.Is(r.status.Reply, mail.LocalError) {
			return feedback{} // ours: it says nothing about them
		}
		if v := judge(r.status.Reply); !v.host || v.probe > 0 && q.takes.lately(r.Destination, r.at) {
			return feedback{answers: true, slow: v.pace > 0}
		}
	}
	if len(results) == 0 || it.Envelope.RequireTLS {
		return feedback{}
	}
	return feedback{trouble: results[0].status}
}

// attemptHere places mail that had to wait for a mailbox of ours, in the commit
// that settles it.
func (q *Queue) attemptHere(ctx context.Context, it store.Item, m *mail.Mail, w *work) (next time.Time) {
	q.enter(ctx, func(ctx context.Context, d *draft, again bool) error {
		results := makeResults(w.deliveries, nil, time.Now())
		if again {
			var err error
			if results, err = q.stillWaiting(ctx, it, results); err != nil {
				return err
			}
		}
		m.To = m.To[:0]
		for _, r := range results {
			m.To = append(m.To, r.Recipient)
		}
		statuses, err := d.place(ctx, m, m.To, 0)
		if err != nil {
			return err
		}
		for i := range results {
			results[i].status = statuses[i]
		}
		next, err = d.settle(ctx, it, results)
		return err
	})
	return next
}

// settled is the results of one item.
type settled struct {
	item    store.Item
	results []result
}

// enterResults commits the results of several items at once and gives the
// earliest time one of them is due again.
func (q *Queue) enterResults(ctx context.Context, all []settled) (next time.Time) {
	q.enter(ctx, func(ctx context.Context, d *draft, again bool) error {
		next = time.Time{}
		for _, s := range all {
			if again {
				var err error
				if s.results, err = q.stillWaiting(ctx, s.item, s.results); err != nil {
					return err
				}
			}
			due, err := d.settle(ctx, s.item, s.results)
			if err != nil {
				return err
			}
			if !due.IsZero() && (next.IsZero() || due.Before(next)) {
				next = due
			}
		}
		return nil
	})
	return next
}

// mailOf is the message of an item, without recipients.
func (q *Queue) mailOf(ctx context.Context, it store.Item) *mail.Mail {
	return &mail.Mail{Envelope: it.Envelope, QueueID: it.QueueID, Origin: it.Origin, Content: content{ctx, q.st, it}}
}

// content is an item's. mail.Content knows no context; this one's lives as long
// as the attempt it was made for.
type content struct {
	ctx context.Context
	st  *store.Store
	it  store.Item
}

func (c content) Size() int64                  { return c.it.Size }
func (c content) Open() (io.ReadCloser, error) { return c.st.OpenItem(c.ctx, c.it) }
