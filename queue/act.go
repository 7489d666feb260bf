package queue

import (
	"context"
	"fmt"
	"slices"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// Act is what an administrator does to deliveries that wait.
type Act string

// The acts.
const (
	ActRetry   Act = "retry"   // now; what is held by itself goes on
	ActHold    Act = "hold"    // each by itself, until ActRelease or ActRetry
	ActRelease Act = "release" // what is held by itself goes on when it is due
	ActBounce  Act = "bounce"  // given up, and the sender told
	ActDrop    Act = "drop"    // given up, and nobody told
)

// acts has each with how many deliveries it does in one step, so that a step is
// one commit that others hardly notice.
var acts = map[Act]struct {
	atOnce int
	do     func(*Queue, context.Context, []store.Matched) (int, error)
}{
	ActRetry:   {1000, (*Queue).retry},
	ActHold:    {1000, (*Queue).pause},
	ActRelease: {1000, (*Queue).resume},
	ActBounce:  {100, (*Queue).bounce},
	ActDrop:    {500, (*Queue).drop},
}

// Step is one part of an act on many deliveries.
type Step struct {
	Done int              // deliveries that it was done to
	Next store.DeliveryID // where to go on; zero: everything was looked at
}

// Act does the next part of an act on what a filter chooses, behind a delivery. What
// has ended meanwhile is passed over.
func (q *Queue) Act(ctx context.Context, act Act, f store.Filter, after store.DeliveryID) (Step, error) {
	a, known := acts[act]
	if !known {
		return Step{}, fmt.Errorf("%s: %w", act, store.ErrInvalid)
	}
	for again := 0; ; again++ {
		found, next, err := q.st.Match(ctx, f, after, a.atOnce)
		if err != nil {
			return Step{}, err
		}
		if len(found) == 0 {
			return Step{Next: next}, nil
		}
		done, err := a.do(q, ctx, found)
		if changedMeanwhile(err) && again < maxAgain {
			continue // some of them ended, as a rule
		}
		if err != nil {
			return Step{}, fmt.Errorf("%s: %w", act, err)
		}
		return Step{done, next}, nil
	}
}

// Count tells how many deliveries of the next part a filter chooses.
func (q *Queue) Count(ctx context.Context, f store.Filter, after store.DeliveryID) (Step, error) {
	found, next, err := q.st.Match(ctx, f, after, 100_000)
	return Step{len(found), next}, err
}

func ids(found []store.Matched) []store.DeliveryID {
	all := make([]store.DeliveryID, len(found))
	for i, m := range found {
		all[i] = m.Delivery
	}
	return all
}

func (q *Queue) retry(ctx context.Context, found []store.Matched) (int, error) {
	// Ordered first, so that what becomes due is tried even when the scheduler looks
	// in this moment, and does not share the outcome of the attempt before.
	q.order(func(o *orders) { o.revive = true })
	n, err := q.st.Resume(ctx, ids(found), time.Now())
	if err == nil {
		err = q.st.ProbeNow(ctx)
	}
	q.order(func(o *orders) { o.revive = true })
	return n, err
}

func (q *Queue) pause(ctx context.Context, found []store.Matched) (int, error) {
	n, err := q.st.Pause(ctx, ids(found), true)
	// What the scheduler has claimed goes back, and those that are held do not
	// come again.
	q.order(func(o *orders) { o.holds = append(o.holds, store.Hold{Kind: store.HoldItem}) })
	return n, err
}

func (q *Queue) resume(ctx context.Context, found []store.Matched) (int, error) {
	n, err := q.st.Pause(ctx, ids(found), false)
	q.nudge()
	return n, err
}

// each calls fn with the items of deliveries and those of them that still wait.
func (q *Queue) each(ctx context.Context, found []store.Matched, fn func(store.Item, []store.Delivery) error) error {
	for len(found) > 0 {
		n := slices.IndexFunc(found, func(m store.Matched) bool { return m.Item != found[0].Item })
		if n < 0 {
			n = len(found)
		}
		it, err := q.st.Item(ctx, found[0].Item)
		if err != nil {
			return err
		}
		var waiting []store.Delivery
		for _, m := range found[:n] {
			d, err := q.st.Delivery(ctx, m.Delivery)
			if err != nil {
				return err
			}
			if d.State == store.Waiting {
				waiting = append(waiting, d)
			}
		}
		if err := fn(it, waiting); err != nil {
			return err
		}
		found = found[n:]
	}
	return nil
}

// bounce enters the administrator's decision as an attempt's outcome is entered:
// what a sender is to be told about a failure is settle's to know.
func (q *Queue) bounce(ctx context.Context, found []store.Matched) (done int, err error) {
	d := &draft{Queue: q}
	defer d.close()
	err = q.each(ctx, found, func(it store.Item, waiting []store.Delivery) error {
		done += len(waiting)
		results := makeResults(waiting, nil, time.Now())
		for i := range results {
			results[i].status = mail.Status{Reply: mail.Dropped}
		}
		_, err := d.settle(ctx, it, results)
		return err
	})
	if err != nil {
		return 0, err
	}
	return done, q.endAll(ctx, d, found)
}

func (q *Queue) drop(ctx context.Context, found []store.Matched) (done int, err error) {
	d := &draft{Queue: q}
	err = q.each(ctx, found, func(it store.Item, waiting []store.Delivery) error {
		done += len(waiting)
		for _, w := range waiting {
			d.change.Settle = append(d.change.Settle, store.Settlement{
				Delivery: w.ID, State: store.Failed, Status: mail.Status{Reply: mail.Dropped}, Report: store.ReportNone,
			})
			d.change.Events = append(d.change.Events, store.Event{
				Kind: "dropped", Item: it.ID, Session: it.QueueID, MessageID: it.MessageID, From: it.Envelope.From.String(),
				To: w.Recipient.Path.String(), Status: mail.Dropped.String(), Login: it.Origin.Sender(),
			})
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return done, q.endAll(ctx, d, found)
}

// endAll commits what ends deliveries for an administrator, and takes them from the
// scheduler where it has claimed them and not begun.
func (q *Queue) endAll(ctx context.Context, d *draft, found []store.Matched) error {
	if err := q.commit(ctx, d); err != nil {
		return err
	}
	q.order(func(o *orders) { o.ended = append(o.ended, ids(found)...) })
	return nil
}
