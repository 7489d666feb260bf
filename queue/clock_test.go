package queue

import (
	"testing"
	"time"

	"posthorn/store"
)

// Q7: a message ends by its age and its attempts, never by one alone, whichever
// way the clock has moved.
func TestGivingUpNeedsAgeAndAttempts(t *testing.T) {
	c := DefaultConfig()
	arrived := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	it := store.Item{Arrived: arrived, Expires: arrived.Add(5 * 24 * time.Hour)}
	const year = 365 * 24 * time.Hour
	for _, tt := range []struct {
		name     string
		now      time.Duration // after arrival
		attempts int
		limit    time.Duration
		want     bool
	}{
		{"new", 0, 1, 0, false},
		{"old and tried as scheduled", 5 * 24 * time.Hour, 34, 0, true},
		{"old and tried half as often", 5 * 24 * time.Hour, c.enough(5 * 24 * time.Hour), 0, true},
		{"old and tried a little less", 5 * 24 * time.Hour, c.enough(5*24*time.Hour) - 1, 0, false},
		{"the clock jumps ahead", 50 * year, 1, 0, false},
		{"the clock jumps ahead after a day", 50 * year, 11, 0, false},
		{"the clock jumps back", -50 * year, 1000, 0, false},
		{"tried often and young", time.Hour, 1000, 0, false},
		{"a limit of its own", 24 * time.Hour, 10, 24 * time.Hour, true},
		{"a limit of its own, and the clock jumps ahead", year, 2, 24 * time.Hour, false},
		{"a limit longer than its life", 5 * 24 * time.Hour, 34, year, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := c.expired(it, tt.attempts, tt.limit, arrived.Add(tt.now)); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
	// A message that came while the clock was wrong, far in the past.
	it.Arrived, it.Expires = time.Unix(0, 0), time.Unix(0, 0).Add(5*24*time.Hour)
	if c.expired(it, 1, 0, arrived) || !c.expired(it, 34, 0, arrived) {
		t.Error("a message of 1970 is not given up by its attempts alone")
	}
}

func TestClockThatIsSet(t *testing.T) {
	var c clock
	now := time.Now()
	if !c.setBack(now) {
		t.Error("at the start nobody knows")
	}
	if c.setBack(now.Add(time.Hour)) {
		t.Error("time that passes is no leap")
	}
	for moved, want := range map[time.Duration]bool{0: false, time.Hour: false, -30 * time.Second: false, -time.Hour: true} {
		if got := leapsBack(10*time.Second, 10*time.Second+moved); got != want {
			t.Errorf("moved by %s: %v", moved, got)
		}
	}
}
