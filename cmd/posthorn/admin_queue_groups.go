package main

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"posthorn/queue"
	"posthorn/store"
)

// groupQuestion asks how much waits, by destination, sender, reason or age.
type groupQuestion struct {
	queueFilter
	By    store.Grouping `json:"by"`
	Limit int            `json:"limit"`
}

type groups struct {
	Groups []groupFacts `json:"groups"`
	Total  int          `json:"total"` // how many groups there are
}

// groupFacts is one of them. Status and State are those of its oldest delivery, but
// for what is known of it as a whole.
type groupFacts struct {
	Name       string    `json:"name"`
	Deliveries int64     `json:"deliveries"`
	Oldest     time.Time `json:"oldest"`
	QueueID    string    `json:"queue_id"` // of the oldest
	State      string    `json:"state"`
	Status     string    `json:"status,omitempty"`
	Means      string    `json:"means,omitempty"`

	Destination *destinationFacts `json:"destination,omitempty"` // by destination, while a server runs
}

func (a *admin) groups(ctx context.Context, ask groupQuestion) (groups, error) {
	filter, err := a.filter(ctx, ask.queueFilter)
	if err != nil {
		return groups{}, err
	}
	found, total, err := a.store.Groups(ctx, filter, ask.By, ask.Limit)
	if err != nil {
		return groups{}, err
	}
	var known map[string]destinationFacts
	if ask.By == store.ByDestination {
		if known, err = a.destinations(ctx); err != nil {
			return groups{}, err
		}
	}
	holds, err := a.queue.Holds(ctx)
	if err != nil {
		return groups{}, err
	}
	out := groups{Groups: []groupFacts{}, Total: total}
	for _, g := range found {
		f := groupFacts{Name: g.Name, Deliveries: g.Deliveries}
		if ask.By == store.ByAge {
			f.Name = ageName(g.Name)
		}
		if d, ok := known[g.Name]; ok {
			f.Destination = &d
		}
		err := a.completeGroup(ctx, &f, g.Oldest, ask.By, holds)
		if errors.Is(err, store.ErrNotFound) {
			continue // what was there has gone
		}
		if err != nil {
			return groups{}, err
		}
		out.Groups = append(out.Groups, f)
	}
	if ask.By == store.ByAge { // the oldest first
		slices.SortFunc(out.Groups, func(a, b groupFacts) int { return a.Oldest.Compare(b.Oldest) })
	}
	return out, nil
}

func (a *admin) completeGroup(ctx context.Context, f *groupFacts, oldest store.DeliveryID, by store.Grouping, holds []store.Hold) error {
	d, err := a.store.Delivery(ctx, oldest)
	if err != nil {
		return err
	}
	it, err := a.store.Item(ctx, d.Item)
	if err != nil {
		return err
	}
	shown := showDelivery(it, d, holds)
	f.Oldest, f.QueueID, f.Status, f.Means = it.Arrived, it.QueueID, shown.Status, shown.Means
	f.State = shown.state()
	if f.Destination != nil {
		f.State = f.Destination.state(time.Now())
		if f.Destination.Words != "" {
			f.Status, f.Means = f.Destination.Words, queue.Meaning(f.Destination.Words)
		}
	}
	i := slices.IndexFunc(holds, func(h store.Hold) bool {
		return h.Kind == store.HoldAll || by == store.ByDestination && h.Kind == store.HoldDestination && h.What == f.Name ||
			by == store.BySender && h.Kind == store.HoldSender && h.What == f.Name
	})
	if i >= 0 {
		f.State = holdState(holds[i])
	}
	if f.Name == "" {
		f.Name = "not tried yet"
	}
	return nil
}

// ageName says which ages the n-th group has.
func ageName(n string) string {
	i, err := strconv.Atoi(n)
	switch {
	case err != nil:
		return n
	case i >= len(store.AgeGroups):
		return "over " + duration(store.AgeGroups[len(store.AgeGroups)-1])
	}
	return "under " + duration(store.AgeGroups[i])
}
