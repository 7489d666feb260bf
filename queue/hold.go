package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// Hold keeps mail from being tried, what waits now and what comes: by message,
// sender, destination, or all of it (store.Hold says what What is). A hold of the
// same thing is changed. What runs already runs to its end. store.ErrNotFound: the
// message is not in the queue. store.ErrInvalid: What is nothing that can be held.
func (q *Queue) Hold(ctx context.Context, h store.Hold) error {
	what, err := q.held(ctx, h.Kind, h.What)
	if err != nil {
		return err
	}
	h.What = what
	if err := q.st.SetHold(ctx, h); err != nil {
		return err
	}
	q.heed(h)
	return nil
}

// Release ends a hold; what it kept goes on from where it was. store.ErrNotFound:
// there is no such hold.
func (q *Queue) Release(ctx context.Context, kind store.HoldKind, what string) error {
	what, err := q.held(ctx, kind, what)
	if err != nil {
		return err
	}
	if err := q.st.EndHold(ctx, kind, what); err != nil {
		return err
	}
	q.log.Info("released", "kind", string(kind), "what", what)
	q.order(func(o *orders) { o.released = true })
	return nil
}

// Holds lists the holds, oldest first.
func (q *Queue) Holds(ctx context.Context) ([]store.Hold, error) { return q.st.Holds(ctx) }

// held is the one form in which a thing is held.
func (q *Queue) held(ctx context.Context, kind store.HoldKind, what string) (string, error) {
	switch kind {
	case store.HoldItem:
		it, err := q.find(ctx, what)
		return it.QueueID, err
	case store.HoldSender:
		if what == "" || what == "<>" {
			return "<>", nil
		}
		if !strings.Contains(what, "@") {
			return mail.Path{Domain: what}.Key().Domain, nil
		}
		p, err := mail.ParsePath(what)
		if err != nil {
			return "", fmt.Errorf("hold %s: %w: %w", mail.Clean(what), store.ErrInvalid, err)
		}
		return p.Key().String(), nil
	}
	return what, nil
}

// restrain holds a destination whose reply asks for it, and ends the hold that an
// attempt has found to be needed no more.
func (d *draft) restrain(r result) {
	v := judge(r.status.Reply)
	if v.fate == done && r.Destination != local {
		d.takes.note(r.Destination, r.at)
	}
	h := store.Hold{Kind: store.HoldDestination, What: r.Destination, Reason: r.status.Reply.String(), By: store.ByProgram,
		Notice: time.Duration(d.cfg.DelayNotice), Age: time.Duration(d.cfg.Expire)}
	switch {
	case !r.shared.IsZero() || r.Destination == local || errors.Is(r.status.Reply, mail.LocalError):
		return
	case v.probe > 0 && d.takes.lately(r.Destination, r.at):
		return
	case v.probe > 0:
		h.Every, h.Probe = v.probe, true
		if v.limit > 0 {
			h.Age = v.limit
		}
	case v.pace > 0:
		h.Every, h.Until = time.Minute/time.Duration(v.pace), time.Now().Add(paceTime)
	case r.Probes && !v.host:
		if !slices.Contains(d.change.Unhold, r.Under) {
			d.change.Unhold = append(d.change.Unhold, r.Under)
			d.ended = append(d.ended, r.Destination)
		}
		return
	default:
		return
	}
	same := func(o store.Hold) bool { return o.What == h.What }
	if slices.ContainsFunc(d.change.Hold, same) {
		return
	}
	d.change.Hold = append(d.change.Hold, h)
	if r.Under == 0 { // else it is held already, and goes on
		d.begun = append(d.begun, h)
	}
}

// heed lets the scheduler know of new holds: what it has claimed already goes
// back.
func (q *Queue) heed(holds ...store.Hold) {
	for _, h := range holds {
		attrs := []any{"kind", string(h.Kind), "what", h.What, "reason", h.Reason, "by", h.By}
		if !h.Until.IsZero() {
			attrs = append(attrs, "until", h.Until)
		}
		if h.Every > 0 {
			attrs = append(attrs, "every", h.Every)
		}
		q.log.Info("held", attrs...)
	}
	q.order(func(o *orders) { o.holds = append(o.holds, holds...) })
}

// orders are what the scheduler is told besides "look again".
type orders struct {
	revive   bool               // try dead destinations too
	released bool               // a hold has ended
	holds    []store.Hold       // new ones
	ended    []store.DeliveryID // by an administrator
	ask      []chan<- []DestinationState
}

// order adds to the orders and wakes the scheduler.
func (q *Queue) order(add func(*orders)) {
	q.mu.Lock()
	add(&q.orders)
	q.mu.Unlock()
	q.nudge()
}

// obey does what was ordered since it was last asked.
func (s *scheduler) obey(ctx context.Context) {
	s.mu.Lock()
	o := s.orders
	s.orders = orders{}
	s.mu.Unlock()
	for _, answer := range o.ask {
		answer <- s.states()
	}
	if o.revive || o.released {
		for _, d := range s.destinations {
			d.revive()
		}
	}
	if o.revive || o.released || len(o.holds) > 0 {
		s.free = time.Now()
	}
	for _, id := range o.ended {
		s.flights.end(id)
	}
	for _, h := range o.holds {
		s.giveBack(ctx, h)
	}
}

// giveBack returns to the store what is claimed, has not begun and may be held
// now: claiming it again tells.
func (s *scheduler) giveBack(ctx context.Context, h store.Hold) {
	var ids []store.DeliveryID
	for _, d := range s.destinations {
		if h.Kind == store.HoldDestination && h.What != d.name {
			continue
		}
		for _, w := range d.queue.empty() {
			for _, c := range w.deliveries {
				s.flights.land(c.ID)
				ids = append(ids, c.ID)
			}
		}
	}
	s.unclaim(ctx, ids)
	s.next = time.Now()
}

// unclaim gives deliveries back that are in nobody's hands any more.
func (s *scheduler) unclaim(ctx context.Context, ids []store.DeliveryID) {
	for len(ids) > 0 {
		n := min(len(ids), claimBatch)
		// A failure leaves them claimed for a while longer: nothing is lost.
		if err := s.st.Unclaim(ctx, ids[:n]); err != nil {
			s.log.Error("deliveries cannot be given back", "error", err)
		}
		ids = ids[n:]
	}
}

// freeHeld gives back what holds have kept and keep no more, step by step, and
// finds out when that is to be done again.
func (s *scheduler) freeHeld(ctx context.Context) {
	if s.free.IsZero() || time.Now().Before(s.free) {
		return
	}
	more, next, err := s.st.FreeHeld(ctx, time.Now())
	switch {
	case err != nil && !errors.Is(err, context.Canceled):
		s.log.Error("what was held cannot be freed, trying again", "error", err)
		s.free = time.Now().Add(storeTrouble)
		return
	case more:
		next = time.Now()
	case !next.IsZero():
		next = later(next, time.Now().Add(holdRest))
	}
	s.free, s.next = next, time.Now()
}

// holdRest is how long the scheduler leaves holds alone at least.
const holdRest = time.Second

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
