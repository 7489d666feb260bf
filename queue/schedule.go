package queue

import (
	"math/rand/v2"
	"time"

	"posthorn/store"
)

// delay is the wait after the attempts-th attempt: FirstRetry, doubling to
// MaxRetry. Greylisting is over after the first (RFC 6647 §5), and nobody who
// was down for a day is called every five minutes (RFC 5321 §4.5.4.1).
func (c Config) delay(attempts int) time.Duration {
	d := time.Duration(c.FirstRetry)
	for i := 1; i < attempts && d < time.Duration(c.MaxRetry); i++ {
		d *= 2
	}
	return min(d, time.Duration(c.MaxRetry))
}

// jitter spreads what failed together, up to a tenth in either direction.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-0.5)/5*float64(d))
}

// enough is how many attempts a lifetime asks for before a message is given up:
// half of what the schedule fits into it. A clock that jumps by a year makes
// everything old at once, but nothing tried.
func (c Config) enough(lifetime time.Duration) int {
	n := 1 // the first is made at once
	for at := time.Duration(0); at < lifetime; n++ {
		at += c.delay(n)
	}
	return n / 2
}

// expired tells whether a delivery that has just failed again is given up:
// limit old, and tried enough.
func (c Config) expired(it store.Item, attempts int, limit time.Duration, now time.Time) bool {
	life := it.Expires.Sub(it.Arrived)
	if limit > 0 {
		life = min(life, limit)
	}
	return !now.Before(it.Arrived.Add(life)) && attempts >= c.enough(life)
}

// punctual is due, or sooner where the sender is to hear something before: then
// the news are fresh.
func (c Config) punctual(it store.Item, now, due time.Time) time.Time {
	for _, at := range []time.Time{it.Arrived.Add(time.Duration(c.DelayNotice)), it.Expires} {
		if now.Before(at) && due.After(at) {
			return at
		}
	}
	return due
}

// late tells whether the sender is told now that a delivery still waits.
func (c Config) late(it store.Item, now time.Time) bool {
	return c.DelayNotice > 0 && now.Sub(it.Arrived) >= time.Duration(c.DelayNotice)
}
