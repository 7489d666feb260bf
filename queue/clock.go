package queue

import (
	"context"
	"errors"
	"time"

	"posthorn/store"
)

// Times in the store are the wall clock's, which may be wrong and may be set. One
// that is set forward makes things due early and old, which harms nothing: giving
// up asks for attempts (Config.expired). One that is set back leaves deliveries due
// after a time that nobody meant; they are found and are due at once.

// clockStep is how far the wall clock may drift from the monotonic one between two
// looks.
const clockStep = time.Minute

// clock notices that the wall clock was set.
type clock struct{ last time.Time }

// setBack tells whether the wall clock was set back since it was last asked.
func (c *clock) setBack(now time.Time) bool {
	last := c.last
	c.last = now
	if last.IsZero() {
		return true // nobody knows what happened before
	}
	return leapsBack(now.Sub(last), now.Round(0).Sub(last.Round(0)))
}

// leapsBack compares the time that has passed with what the wall clock shows of
// it.
func leapsBack(passed, shown time.Duration) bool { return passed-shown > clockStep }

// farthest is the longest that a delivery waits for its next attempt, or that a
// claim goes on.
func (c Config) farthest() time.Duration {
	longest := time.Duration(c.MaxRetry)
	for _, r := range table {
		longest = max(longest, r.wait)
	}
	return longest*11/10 + claimTime
}

// pullIn makes due at once what is due after a time that no schedule gives.
func (s *scheduler) pullIn(ctx context.Context) {
	now := time.Now()
	if !s.clock.setBack(now) {
		return
	}
	if err := s.st.PullHolds(ctx, now, paceTime); err != nil && ctx.Err() == nil {
		s.log.Error("holds that the clock has left behind cannot be changed", "error", err)
	}
	s.free = now
	n := 0
	for {
		ids, err := s.st.DueAfter(ctx, now.Add(s.cfg.farthest()), claimBatch)
		if err == nil {
			err = s.st.Retry(ctx, ids, now)
		}
		if errors.Is(err, store.ErrNotFound) {
			continue // one of them has ended; it is not found again
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("deliveries that the clock has left behind cannot be found", "error", err)
		}
		if n += len(ids); err != nil || len(ids) < claimBatch {
			break
		}
	}
	if n > 0 {
		s.log.Warn("the clock was set back: deliveries that were due much later are due now", "deliveries", n)
		s.next = now
	}
}
