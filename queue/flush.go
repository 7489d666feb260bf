package queue

import (
	"context"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// flush settles works of a dead destination with the trouble that is known,
// without asking it for each. They count as attempts.
func (s *scheduler) flush(d *destination, works []*work) {
	if len(works) == 0 {
		return
	}
	s.flushing++
	status, asked := d.trouble, d.asked
	go func() { // Run waits for it through finished
		f := finished{works: works, flush: true}
		for len(works) > 0 {
			n := min(len(works), flushBatch)
			due := s.share(s.attempts, works[:n], status, asked)
			if f.next.IsZero() || !due.IsZero() && due.Before(f.next) {
				f.next = due
			}
			works = works[n:]
		}
		s.finished <- f
	}()
}

// share settles works with a status that another attempt found out when it asked.
func (q *Queue) share(ctx context.Context, works []*work, status mail.Status, asked time.Time) (next time.Time) {
	all := make([]settled, 0, len(works))
	for _, w := range works {
		it, ok := q.item(ctx, w.item)
		if !ok {
			continue
		}
		results := makeResults(w.deliveries, nil, time.Now())
		for i := range results {
			results[i].status, results[i].shared = status, asked
		}
		all = append(all, settled{it, results})
	}
	return q.enterResults(ctx, all)
}

// postpone puts deliveries back that there is no room for, untried.
func (s *scheduler) postpone(deliveries []store.Delivery, now time.Time) {
	if len(deliveries) == 0 {
		return
	}
	ids := make([]store.DeliveryID, len(deliveries))
	for i, d := range deliveries {
		ids[i] = d.ID
	}
	// A failure leaves them claimed for a while longer: nothing is lost.
	if err := s.st.Postpone(s.attempts, ids, now.Add(jitter(postponed))); err != nil {
		s.log.Error("deliveries cannot be put back", "error", err)
	}
}
