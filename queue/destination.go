package queue

import (
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// destination is what the scheduler knows about one while it has to do with it.
// How many attempts may run there at a time follows what it takes: two at
// first, one more with each success, half as many when it is in trouble. When it
// answers nobody it is dead for a while: what is due shares the trouble of the
// one that asked, and then one asks again.
type destination struct {
	name    string
	queue   line
	running int
	listed  [store.Priorities]bool // in the scheduler's rings
	doubted bool                   // among those that wait until fewer troubled ones are asked

	window   float64
	answers  bool // it did, when last asked
	troubles int  // in a row
	trouble  mail.Status
	deadTill time.Time
	asked    time.Time // when the last attempt began that may be believed
}

const firstWindow = 2

func newDestination(name string) *destination {
	return &destination{name: name, window: firstWindow}
}

func (d *destination) dead(now time.Time) bool { return now.Before(d.deadTill) }

// idle tells that nothing is lost by forgetting it.
func (d *destination) idle(now time.Time, memory time.Duration) bool {
	return d.queue.n == 0 && d.running == 0 && (d.troubles == 0 || now.After(d.deadTill.Add(memory)))
}

// mayStart tells whether another attempt may begin.
func (d *destination) mayStart() bool {
	return d.queue.n > 0 && d.running < max(1, int(d.window))
}

// learn takes in how an attempt went. It is true when the destination has just
// been found dead.
func (d *destination) learn(f feedback, started time.Time, c Config, now time.Time) bool {
	switch {
	case f.answers:
		d.window = min(d.window+1, float64(c.PerDestination))
		if f.slow {
			d.window = 1
		}
		d.answers, d.troubles, d.deadTill = true, 0, time.Time{}
		return false
	case f.trouble.Reply.Code == 0:
		return false
	case started.Before(d.asked):
		return false // as old as the trouble that is known
	}
	d.window = max(1, d.window/2)
	d.trouble = f.trouble
	if d.answers {
		// It did a moment ago: one connection had bad luck, the next will tell.
		d.answers = false
		return false
	}
	d.troubles++
	d.window = 1
	d.asked = now
	// A little less than the deliveries wait: the first of them asks again.
	wait := c.delay(d.troubles) * 4 / 5
	d.deadTill = now.Add(max(wait, judge(f.trouble.Reply).wait))
	return true
}

// revive lets the destination be asked now.
func (d *destination) revive() { d.deadTill = time.Time{} }
