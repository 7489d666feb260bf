package main

import (
	"context"
	"fmt"
	"time"

	"posthorn/queue"
	"posthorn/store"
)

// destinationFacts is what the scheduler of the running server knows about a
// destination: the store alone does not tell whether anybody answers there.
type destinationFacts struct {
	Running  int       `json:"running"`  // attempts
	Window   int       `json:"window"`   // attempts that may run at a time
	Due      int       `json:"due"`      // attempts that wait for their turn
	Failures int       `json:"failures"` // in a row, to reach it at all
	Until    time.Time `json:"until,omitzero"`
	Words    string    `json:"words,omitempty"` // of the last failure
}

// destinations asks the scheduler; it knows nothing when no server runs.
func (a *admin) destinations(ctx context.Context) (map[string]destinationFacts, error) {
	all, err := a.queue.Destinations(ctx)
	known := make(map[string]destinationFacts, len(all))
	for _, d := range all {
		known[d.Name] = showDestination(d)
	}
	return known, err
}

func showDestination(d queue.DestinationState) destinationFacts {
	f := destinationFacts{Running: d.Running, Window: d.Window, Due: d.Waiting, Failures: d.Failures, Until: d.Till}
	if d.Failures > 0 {
		f.Words = d.Trouble.Reply.String()
	}
	return f
}

// state says it in a few words.
func (d destinationFacts) state(now time.Time) string {
	switch {
	case d.Until.After(now):
		return fmt.Sprintf("dead until %s, %s", d.Until.Local().Format(time.TimeOnly), counted(d.Failures, "failure"))
	case d.Failures > 0 && d.Running > 0:
		return "being asked again"
	case d.Failures > 0:
		return "asked again with the next"
	case d.Running > 0:
		return fmt.Sprintf("%d of %d running", d.Running, d.Window)
	case d.Due > 0:
		return "waits for its turn"
	}
	return "alive"
}

// holdState is what a hold does in a few words.
func holdState(h store.Hold) string {
	said := "held"
	switch {
	case h.Probe:
		said = "probed every " + duration(h.Every)
	case h.Every > 0:
		said = fmt.Sprintf("slowed to %d a minute", max(1, time.Minute/h.Every))
	}
	if !h.Until.IsZero() {
		said += " until " + h.Until.Local().Format(time.TimeOnly)
	}
	return said
}
