package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"posthorn/store"
)

// Bounds of what the scheduler holds in memory: some hundred octets each.
const (
	maxBacklog   = 20_000          // deliveries claimed and not yet settled
	maxUnproven  = 10_000          // attempts that wait for one destination that has not answered
	fewUnproven  = 20              // the same, when the backlog is more than half full
	maxKnown     = 10_000          // destinations
	claimBatch   = 1_000           // deliveries of one claim
	claimTime    = 2 * time.Hour   // a claim outlives any attempt (attemptTime)
	postponed    = time.Minute     // wait of what is over maxUnproven
	longestSleep = 5 * time.Minute // then the clock is looked at, if nothing else
	storeTrouble = 5 * time.Second // wait after the store failed
	flushBatch   = 100             // items settled in one commit when a destination is dead
)

// Run works on what is due until ctx is done, then lets the running attempts
// finish for a while, ends them, and returns. Claims of an earlier run of the
// program are void.
func (q *Queue) Run(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = q.st.ReleaseClaims(ctx); err != nil {
			return fmt.Errorf("start queue: %w", err)
		}
	}
	attempts, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s := &scheduler{
		Queue: q, attempts: attempts, next: time.Now(), free: time.Now(),
		destinations: make(map[string]*destination),
		flights:      newFlights(),
		attempted:    make(chan attempted),
		finished:     make(chan finished),
	}
	q.begin()
	s.run(ctx)
	q.end()
	stop := time.AfterFunc(time.Duration(q.cfg.Drain), cancel)
	defer stop.Stop()
	for s.running+s.entering+s.flushing > 0 {
		select {
		case a := <-s.attempted:
			s.learn(a)
		case f := <-s.finished:
			s.finish(f)
		}
	}
	return nil
}

// scheduler is the state of Run. One goroutine owns it; attempts run in
// goroutines of their own, which attempted and finished count. A connection is
// free for the next message when attempted comes; the outcome is on disk when
// finished does.
type scheduler struct {
	*Queue
	attempts     context.Context
	destinations map[string]*destination
	startable    rings
	flights      flights
	running      int            // attempts
	doubtful     int            // of these, at destinations that were in trouble when last asked
	entering     int            // attempts that are over, their outcomes on their way to the disk
	flushing     int            // batches being settled without an attempt
	doubted      []*destination // those that wait for it to be fewer
	next         time.Time      // when to look into the store; zero: when told to
	short        bool           // when it was looked there was no room for some priority
	free         time.Time      // when to look at the holds; zero: when told to
	clock        clock
	attempted    chan attempted
	finished     chan finished
}

// attempted is an attempt that is over.
type attempted struct {
	destination *destination
	started     time.Time
	doubtful    bool
	feedback
}

// finished is works whose outcome is on disk.
type finished struct {
	works []*work
	next  time.Time // when one of their deliveries is due again; zero: none
	flush bool      // they shared the outcome of an attempt
}

func (s *scheduler) run(ctx context.Context) {
	for ctx.Err() == nil {
		s.pullIn(ctx)
		s.obey(ctx)
		s.freeHeld(ctx)
		s.fill(ctx)
		s.start()
		wait := longestSleep
		if _, room := s.flights.room(s.backlog); room && !s.next.IsZero() {
			wait = time.Until(s.next)
		}
		if !s.free.IsZero() {
			wait = min(wait, time.Until(s.free))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-s.wake:
			s.next = time.Now()
		case a := <-s.attempted:
			s.learn(a)
		case f := <-s.finished:
			s.finish(f)
		case <-timer.C:
		}
		timer.Stop()
	}
}

// fill claims what is due, as far as there is room for it.
func (s *scheduler) fill(ctx context.Context) {
	for !s.next.IsZero() && !time.Now().Before(s.next) && ctx.Err() == nil {
		room, any := s.flights.room(s.backlog)
		if !any {
			return
		}
		s.short = slices.Contains(room[:], 0)
		next, err := s.claim(ctx, room)
		if errors.Is(err, store.ErrNotFound) {
			s.next = time.Time{}
			return
		}
		if err != nil {
			s.log.Error("due deliveries cannot be read, trying again", "error", err)
			next = time.Now().Add(storeTrouble)
		}
		s.next = next
	}
}

// claim takes one batch of what is due, and tells when to look again.
func (s *scheduler) claim(ctx context.Context, room store.Room) (time.Time, error) {
	now := time.Now()
	next, err := s.st.NextDue(ctx, room)
	if err != nil || next.After(now) {
		return next, err
	}
	claimed, err := s.st.ClaimDue(ctx, now, now.Add(claimTime), room)
	if err != nil {
		return now, err
	}
	if claimed.Kept > 0 {
		s.free = now // there may be something to let pass later
	}
	s.obey(ctx) // what was ordered before these became due counts for them
	s.add(claimed.Deliveries, now)
	return now, nil
}

// add puts claimed deliveries in the queues of their destinations, those of one
// item together.
func (s *scheduler) add(claimed []store.Delivery, now time.Time) {
	type group struct {
		destination string
		item        store.ItemID
	}
	if len(s.destinations) >= maxKnown {
		s.forget()
	}
	groups := make(map[group]*work)
	dead := make(map[*destination][]*work)
	var surplus []store.Delivery
	for _, c := range claimed {
		if s.flights.has(c.ID) {
			continue // finish sees to it
		}
		d := s.destination(c.Destination)
		if c.Probes {
			d.revive() // it is to find something out
		}
		if !d.answers && len(d.queue.lanes[c.Priority]) >= s.most() {
			surplus = append(surplus, c)
			continue
		}
		s.flights.add(c.ID, c.Priority)
		g := group{c.Destination, c.Item}
		w := groups[g]
		if w == nil {
			w = &work{item: c.Item, priority: c.Priority}
			groups[g] = w
			if d.dead(now) {
				dead[d] = append(dead[d], w)
			} else {
				d.queue.push(w)
				s.startable.list(d)
			}
		}
		w.deliveries = append(w.deliveries, c)
	}
	for d, works := range dead {
		s.flush(d, works)
	}
	s.postpone(surplus, now)
}

// most is how many attempts of a priority may wait for a destination that has not
// answered: few when memory gets short, so that some that never answer leave room
// for the others.
func (s *scheduler) most() int {
	if len(s.flights.of) > s.backlog/2 {
		return min(s.unproven, fewUnproven)
	}
	return s.unproven
}

func (s *scheduler) destination(name string) *destination {
	d := s.destinations[name]
	if d == nil {
		d = newDestination(name)
		s.destinations[name] = d
	}
	return d
}

// forget drops what is known about destinations that nothing is done at the moment. A
// dead one among them is found dead again by one attempt.
func (s *scheduler) forget() {
	for name, d := range s.destinations {
		if d.queue.n == 0 && d.running == 0 {
			delete(s.destinations, name)
		}
	}
}
