package main

import (
	"context"
	"slices"
	"time"

	"posthorn/queue"
	"posthorn/store"
)

var queueSuspects = verb[suspectQuestion, suspects]{"queue/suspects", (*admin).suspects}

// suspectQuestion says from how many refusals on something is suspect.
type suspectQuestion struct {
	Refusals int `json:"refusals"`
	Limit    int `json:"limit"`
}

// suspects are addresses that refuse mail again and again, and accounts whose mail
// was refused within a day.
type suspects struct {
	Accounts  []suspectAccount `json:"accounts"`
	Addresses []suspectAddress `json:"addresses"`
}

type suspectAccount struct {
	Login   string `json:"login"`
	Tried   int64  `json:"tried"`   // recipients at other hosts within a day
	Refused int64  `json:"refused"` // of them for good
	Held    bool   `json:"held,omitempty"`
}

type suspectAddress struct {
	Address  string    `json:"address"`
	Refusals int64     `json:"refusals"` // in a row
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Login    string    `json:"login,omitempty"` // who wrote to it last
	Status   string    `json:"status"`
	Means    string    `json:"means,omitempty"`
}

func (a *admin) suspects(ctx context.Context, ask suspectQuestion) (suspects, error) {
	out := suspects{Accounts: []suspectAccount{}, Addresses: []suspectAddress{}}
	holds, err := a.queue.Holds(ctx)
	if err != nil {
		return out, err
	}
	senders, err := a.store.FailingSenders(ctx, time.Now().Add(-24*time.Hour), ask.Refusals, ask.Limit)
	if err != nil {
		return out, err
	}
	for _, s := range senders {
		held := slices.ContainsFunc(holds, func(h store.Hold) bool { return h.Kind == store.HoldSender && h.What == s.Login })
		out.Accounts = append(out.Accounts, suspectAccount{s.Login, s.Tried, s.Failed, held})
	}
	addresses, err := a.store.FailingAddresses(ctx, ask.Refusals, ask.Limit)
	for _, f := range addresses {
		out.Addresses = append(out.Addresses, suspectAddress{f.Address, f.Failures, f.First, f.Last, f.Login, f.Status, queue.Meaning(f.Status)})
	}
	return out, err
}
