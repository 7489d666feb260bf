package queue

import (
	"time"

	"posthorn/store"
)

// start begins attempts, one destination after the other. A disk that is slow
// slows them down: what the hosts have said and no disk knows is asked again when
// the program is killed, so it is not let grow.
func (s *scheduler) start() {
	for s.entering < s.cfg.Connections {
		d, p, ok := s.startable.next(s.mayRun)
		if !ok {
			return
		}
		if !d.mayStart() || len(d.queue.lanes[p]) == 0 {
			continue
		}
		doubtful := d.troubles > 0
		if doubtful && s.doubtful >= max(1, s.cfg.Connections/4) {
			if !d.doubted {
				d.doubted, s.doubted = true, append(s.doubted, d)
			}
			continue
		}
		w := d.queue.pop(p)
		if !s.flights.drop(w) {
			s.startable.list(d)
			continue
		}
		if doubtful {
			s.doubtful++
		}
		d.running++
		s.running++
		go func() { // Run waits for it through finished
			a := attempted{destination: d, started: time.Now(), doubtful: doubtful}
			var enter enter
			a.feedback, enter = s.attempt(s.attempts, d.name, w)
			s.attempted <- a
			s.finished <- finished{works: []*work{w}, next: enter()}
		}()
		s.startable.list(d)
	}
}

// mayRun tells whether a connection is free for a priority: the last fifth is
// kept for people.
func (s *scheduler) mayRun(p store.Priority) bool {
	most := s.cfg.Connections
	if p != store.People {
		most = max(1, most-most/5)
	}
	return s.running < most
}

// finish takes works out of the books.
func (s *scheduler) finish(f finished) {
	var again []store.DeliveryID
	for _, w := range f.works {
		for _, d := range w.deliveries {
			if s.flights.land(d.ID) {
				again = append(again, d.ID)
			}
		}
	}
	if len(again) > 0 {
		// Its claim ran out while it was here, or it was settled and due again before
		// this was known: what of it still waits is claimed by nobody.
		s.unclaim(s.attempts, again)
		s.next = time.Now()
	}
	if s.short {
		s.next = time.Now()
	}
	if !f.next.IsZero() && (s.next.IsZero() || f.next.Before(s.next)) {
		s.next = f.next
	}
	if f.flush {
		s.flushing--
	} else {
		s.entering--
	}
}

// learn takes in how an attempt went, and lets the next one begin.
func (s *scheduler) learn(a attempted) {
	s.running--
	s.entering++
	if a.doubtful {
		s.doubtful--
		for _, d := range s.doubted {
			d.doubted = false
			s.startable.list(d)
		}
		s.doubted = nil
	}
	d := a.destination
	d.running--
	now := time.Now()
	if d.learn(a.feedback, a.started, s.cfg, now) {
		s.log.Warn("destination is in trouble", "mta", d.name, "status", d.trouble.Reply.String(), "until", d.deadTill)
		s.flush(d, d.queue.empty())
	}
	s.startable.list(d)
	if d.idle(now, time.Duration(s.cfg.MaxRetry)) {
		delete(s.destinations, d.name)
	}
}
