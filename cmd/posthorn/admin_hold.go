package main

import (
	"context"
	"errors"
	"time"

	"posthorn/store"
)

var (
	queueHold    = verb[holdQuestion, holdFacts]{"queue/hold", (*admin).hold}
	queueRelease = verb[holdQuestion, int]{"queue/release", (*admin).release}
	queueHolds   = verb[none, []holdFacts]{"queue/holds", (*admin).holds}
)

// holdQuestion names what is to be held, what waits now and what comes.
type holdQuestion struct {
	Kind   store.HoldKind `json:"kind"`
	What   string         `json:"what"`
	Reason string         `json:"reason,omitempty"`
	Until  time.Time      `json:"until,omitzero"`
}

type holdFacts struct {
	Kind   store.HoldKind `json:"kind"`
	What   string         `json:"what,omitempty"`
	Reason string         `json:"reason,omitempty"`
	By     string         `json:"by"` // "admin" or "program"
	Since  time.Time      `json:"since"`
	Until  time.Time      `json:"until,omitzero"`
	Says   string         `json:"says"`
}

func (a *admin) hold(ctx context.Context, ask holdQuestion) (holdFacts, error) {
	h := store.Hold{Kind: ask.Kind, What: ask.What, Reason: ask.Reason, Until: ask.Until, By: store.ByAdmin}
	err := a.queue.Hold(ctx, h)
	if errors.Is(err, store.ErrNotFound) {
		return holdFacts{}, about(inQueue(ask.What), err)
	}
	return showHold(h), err
}

// release ends a hold, or all of them when no kind is given, and tells how many.
func (a *admin) release(ctx context.Context, ask holdQuestion) (n int, err error) {
	if ask.Kind != "" {
		err := a.queue.Release(ctx, ask.Kind, ask.What)
		if errors.Is(err, store.ErrNotFound) {
			return 0, nil
		}
		return 1, err
	}
	holds, err := a.queue.Holds(ctx)
	for _, h := range holds {
		if err := a.queue.Release(ctx, h.Kind, h.What); err != nil && !errors.Is(err, store.ErrNotFound) {
			return n, err
		}
		n++
	}
	return n, err
}

func (a *admin) holds(ctx context.Context, _ none) ([]holdFacts, error) {
	holds, err := a.queue.Holds(ctx)
	out := []holdFacts{}
	for _, h := range holds {
		out = append(out, showHold(h))
	}
	return out, err
}

func showHold(h store.Hold) holdFacts {
	return holdFacts{Kind: h.Kind, What: h.What, Reason: h.Reason, By: h.By, Since: h.Since, Until: h.Until, Says: describeHold(h, time.Now())}
}
