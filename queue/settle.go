package queue

import (
	"context"
	"errors"
	"time"

	"posthorn/mail"
	"posthorn/queue/report"
	"posthorn/store"
)

// result is what one attempt did for one delivery.
type result struct {
	store.Delivery
	status  mail.Status
	at      time.Time
	took    time.Duration
	until   time.Time // it is tried until then; zero when it is over
	expired bool      // it failed because time is up
	shared  time.Time // when another attempt found it out; zero: this one did
}

// settle enters the results of one item: the one place where an outcome changes
// a delivery. What a sender is told about it becomes part of the same change. It
// gives the earliest time a delivery is due again.
func (d *draft) settle(ctx context.Context, it store.Item, results []result) (next time.Time, err error) {
	told := make(map[occasion][]result)
	var lost []result // that failed, and nobody is told
	split := false    // a transaction took some: the rest need not wait
	for _, r := range results {
		split = split || r.status.OK()
	}
	for _, r := range results {
		s, occ := d.outcome(it, &r, split)
		if occ != none && d.wanted(it, r.Recipient, occ) {
			told[occ] = append(told[occ], r)
			s.Delayed = occ == report.Delayed
			if s.State != store.Waiting {
				s.Report = store.ReportWritten
			}
		} else if occ == report.Failed {
			lost = append(lost, r)
		}
		d.change.Settle = append(d.change.Settle, s)
		d.restrain(r)
		if err := d.alarm(ctx, r); err != nil {
			return next, err
		}
		d.note(it, r, s)
		d.tally(it, r, s)
		if s.State == store.Waiting && (next.IsZero() || s.Due.Before(next)) {
			next = s.Due
		}
	}
	if err := d.watch(ctx, it.Origin.Login); err != nil {
		return next, err
	}
	a := about{Mail: d.mailOf(ctx, it), item: it.ID, messageID: it.MessageID, arrived: it.Arrived}
	for _, occ := range []occasion{report.Failed, report.Delayed, report.Relayed} {
		if len(told[occ]) == 0 {
			continue
		}
		if err := d.report(ctx, a, occ, told[occ], 0); err != nil {
			return next, err
		}
	}
	return next, d.tellOwner(ctx, it, lost)
}

// outcome decides about one delivery, and whether there is occasion for a
// report.
func (d *draft) outcome(it store.Item, r *result, split bool) (store.Settlement, occasion) {
	now := time.Now()
	v := judge(r.status.Reply)
	if !r.shared.IsZero() {
		v.limit = 0 // what another message met with does not end this one before its time
	}
	attempts := r.Attempts + 1
	s := store.Settlement{Delivery: r.ID, Status: r.status, Attempt: true, Report: store.ReportNone}
	switch {
	case v.fate == done:
		s.State = store.Done
		if r.status.Reply.X == (mail.EnhancedCode{2, 1, 9}) {
			return s, report.Relayed
		}
		return s, none
	case v.fate == fail:
		s.State = store.Failed
		return s, report.Failed
	case d.cfg.expired(it, attempts, v.limit, now):
		s.State, r.expired = store.Failed, true
		return s, report.Failed
	}
	s.State = store.Waiting
	s.Due = now.Add(max(jitter(d.cfg.delay(attempts)), v.wait))
	if longest := r.shared.Add(max(jitter(time.Duration(d.cfg.MaxRetry)), v.wait)); !r.shared.IsZero() && longest.Before(s.Due) {
		s.Due = longest // the host has not been asked since then
	}
	switch {
	case v.soon && split:
		s.Due = now
	case v.probe > 0: // under the hold one asks at a time, also where there is but one
		s.Due = now.Add(v.probe)
	}
	s.Due = d.cfg.punctual(it, now, s.Due)
	r.until = it.Expires
	if end := it.Arrived.Add(v.limit); v.limit > 0 && end.Before(r.until) {
		r.until = end
	}
	if !r.Delayed && d.cfg.late(it, now) {
		return s, report.Delayed
	}
	return s, none
}

// wanted tells whether the sender of it is to be told (RFC 3461 §4.1): never for
// a null return path, never a stranger who may not be who wrote.
func (d *draft) wanted(it store.Item, r mail.Recipient, occ occasion) bool {
	if it.Envelope.From.IsNull() || !isOurs(it.Origin) && !it.Origin.Proven {
		return false
	}
	switch occ {
	case report.Failed:
		return r.Notify == 0 || r.Notify&mail.NotifyFailure != 0
	case report.Delayed:
		return r.Notify == 0 || r.Notify&mail.NotifyDelay != 0
	}
	return r.Notify&mail.NotifySuccess != 0
}

// wantsSuccess is wanted for a delivery that never waited.
func wantsSuccess(e mail.Envelope, o mail.Origin, r mail.Recipient) bool {
	return !e.From.IsNull() && (isOurs(o) || o.Proven) && r.Notify&mail.NotifySuccess != 0
}

// note makes an outcome part of the message's recorded life, and of the log.
func (d *draft) note(it store.Item, r result, s store.Settlement) {
	kind := "deferred"
	switch {
	case s.State == store.Done && r.Destination == local:
		return // place has noted it
	case s.State == store.Done:
		kind = "relayed"
	case s.State == store.Failed:
		kind = "failed"
	}
	d.change.Events = append(d.change.Events, store.Event{
		At: r.at, Kind: kind, Item: it.ID, Session: it.QueueID, MessageID: it.MessageID,
		From: it.Envelope.From.String(), To: r.Recipient.Path.String(),
		MTA: r.status.MTA, Status: r.status.Reply.String(), Took: r.took, Detail: connection(r.status.Link),
		Login: it.Origin.Sender(),
	})
}

// tell logs what has happened, a line for each event but those that have one
// already.
func (q *Queue) tell(events []store.Event) {
	for _, e := range events {
		if e.Kind == "accepted" || e.Kind == "held" {
			continue // the session has a line of its own, and what is held a warning
		}
		attrs := []any{"queue_id", e.Session, "from", e.From, "to", e.To}
		if e.MTA != "" {
			attrs = append(attrs, "mta", e.MTA)
		}
		attrs = append(attrs, "status", e.Status)
		if e.Took > 0 {
			attrs = append(attrs, "took", e.Took)
		}
		q.log.Info(e.Kind, attrs...)
	}
}

// builder puts an outcome together; again, when it has done so before and the
// world may have changed since.
type builder func(ctx context.Context, d *draft, again bool) error

// maxAgain is how often an outcome is put together anew because the world
// changed meanwhile.
const maxAgain = 10

// enter commits an outcome, which must not be lost: while the store fails it is
// tried until ctx is done. build makes it anew each time.
func (q *Queue) enter(ctx context.Context, build builder) error {
	again := false
	return q.insist(ctx, "outcome cannot be entered, trying again", func() (err error) {
		for range maxAgain {
			err = q.enterOnce(ctx, build, again)
			if again = true; !changedMeanwhile(err) {
				break
			}
		}
		return err
	})
}

// changedMeanwhile tells that a change was refused because the world is not as it
// was when it was put together: a delivery or a mailbox has gone, or the
// administrator has been told.
func changedMeanwhile(err error) bool {
	return errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrExists)
}

// insist does what must not be left undone: while it fails it is tried again,
// until ctx is done.
func (q *Queue) insist(ctx context.Context, trouble string, do func() error) error {
	wait := time.Second
	for {
		err := do()
		if err == nil {
			return nil
		}
		q.log.Error(trouble, "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
		wait = min(2*wait, time.Minute)
	}
}

// enterOnce does not let the end of ctx stop a commit: an attempt that was made
// is entered.
func (q *Queue) enterOnce(ctx context.Context, build builder, again bool) error {
	ctx = context.WithoutCancel(ctx)
	d := &draft{Queue: q}
	defer d.close()
	if err := build(ctx, d, again); err != nil {
		return err
	}
	if len(d.change.Settle)+len(d.change.Append)+len(d.change.Spool) == 0 {
		return nil
	}
	return q.commit(ctx, d)
}

// commit makes a draft true and tells whom it concerns.
func (q *Queue) commit(ctx context.Context, d *draft) error {
	if _, err := q.st.Commit(ctx, d.change); err != nil {
		return err
	}
	q.tell(d.change.Events)
	if len(d.begun) > 0 {
		q.heed(d.begun...)
	}
	for _, what := range d.ended {
		q.log.Info("released", "kind", string(store.HoldDestination), "what", what, "by", store.ByProgram)
	}
	if len(d.change.Unhold) > 0 {
		q.order(func(o *orders) { o.released = true })
	}
	if len(d.change.Spool) > 0 {
		q.nudge()
	}
	return nil
}

// stillWaiting leaves of results those that may be entered: an administrator may
// have dropped others, and a commit that seemed to fail may have entered some.
func (q *Queue) stillWaiting(ctx context.Context, it store.Item, results []result) ([]result, error) {
	deliveries, err := q.st.Deliveries(ctx, it.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	waits := make(map[store.DeliveryID]int) // after how many attempts
	for _, d := range deliveries {
		if d.State == store.Waiting {
			waits[d.ID] = d.Attempts
		}
	}
	var left []result
	for _, r := range results {
		if attempts, ok := waits[r.ID]; ok && attempts == r.Attempts {
			left = append(left, r)
		}
	}
	return left, nil
}
