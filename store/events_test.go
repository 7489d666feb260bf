package store_test

import (
	"fmt"
	"testing"
	"time"

	"posthorn/store"
)

// Events go in the order they came in, each when its time is over; also old ones
// that came in after hundreds that a clock has dated into the future.
func TestEventsAreForgotten(t *testing.T) {
	f := setUp(t)
	now := time.Now()
	enter := func(session string, n int, at time.Time) {
		var c store.Change
		for range n {
			c.Events = append(c.Events, store.Event{Kind: "accepted", Session: session, At: at})
		}
		_, err := f.Commit(t.Context(), c)
		ok(t, err)
	}
	enter("FUTURE", 250, now.AddDate(10, 0, 0))
	enter("OLD", 250, now)
	enter("NEW", 3, now.AddDate(0, 0, 3))
	for _, c := range []struct {
		after time.Duration
		want  string
	}{
		{store.EventsKept - time.Minute, "[250 250 3]"},
		{store.EventsKept + 25*time.Hour, "[250 0 3]"},
		{store.EventsKept + 5*24*time.Hour, "[250 0 0]"},
		{store.EventsKept + 4000*24*time.Hour, "[0 0 0]"},
	} {
		ok(t, f.PurgeAt(t.Context(), now.Add(c.after)))
		var left []int
		for _, session := range []string{"FUTURE", "OLD", "NEW"} {
			all, err := f.Events(t.Context(), session, 0, 1000)
			ok(t, err)
			left = append(left, len(all))
		}
		if got := fmt.Sprint(left); got != c.want {
			t.Errorf("after %v: %s, want %s", c.after, got, c.want)
		}
	}
}
