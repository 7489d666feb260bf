package main

import (
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/queue"
	"posthorn/store"
)

// What the scheduler knows of a destination, and what a hold does, in a few words.
func TestDestinationState(t *testing.T) {
	now := time.Now()
	at := now.Add(time.Hour)
	lost := mail.Status{Reply: mail.NoAnswer.With("away.test")}
	for want, d := range map[string]queue.DestinationState{
		"alive":                     {Window: 2},
		"3 of 20 running":           {Running: 3, Waiting: 9, Window: 20},
		"waits for its turn":        {Waiting: 9, Window: 20},
		"being asked again":         {Running: 1, Window: 1, Trouble: lost, Till: now, Failures: 2},
		"asked again with the next": {Window: 1, Trouble: lost, Till: now, Failures: 2},
		"dead until " + at.Local().Format(time.TimeOnly) + ", 2 failures": {Window: 1, Trouble: lost, Till: at, Failures: 2},
	} {
		if got := showDestination(d).state(now); got != want {
			t.Errorf("%+v: %q, want %q", d, got, want)
		}
	}
	for want, h := range map[string]store.Hold{
		"held":                    {},
		"probed every 15 minutes": {Every: 15 * time.Minute, Probe: true},
		"slowed to 1 a minute":    {Every: time.Minute},
		"slowed to 4 a minute until " + at.Local().Format(time.TimeOnly): {Every: 15 * time.Second, Until: at},
	} {
		if got := holdState(h); got != want {
			t.Errorf("%+v: %q, want %q", h, got, want)
		}
	}
}
