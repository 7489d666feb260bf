package main

import (
	"context"
	"time"

	"posthorn/mail"
	"posthorn/queue"
	"posthorn/store"
)

var (
	queueList  = verb[none, []itemFacts]{"queue/list", (*admin).queued}
	queueShow  = verb[string, itemFacts]{"queue/show", (*admin).queueItem}
	queueRetry = verb[[]string, int]{"queue/retry", (*admin).retry}
	queueDrop  = verb[[]string, int]{"queue/drop", (*admin).drop}
)

// itemFacts is a message in the queue. Events are given by `queue show` only.
type itemFacts struct {
	QueueID    string          `json:"queue_id"`
	From       string          `json:"from"`
	Login      string          `json:"login,omitempty"`
	Size       int64           `json:"size"`
	MessageID  string          `json:"message_id,omitempty"`
	Arrived    time.Time       `json:"arrived"`
	Expires    time.Time       `json:"expires"`
	Deliveries []deliveryFacts `json:"deliveries"`
	Events     []eventFacts    `json:"events,omitempty"`
}

type deliveryFacts struct {
	To          string    `json:"to"`
	Destination string    `json:"destination"`
	State       string    `json:"state"`
	Held        bool      `json:"held,omitempty"`
	Attempts    int       `json:"attempts"`
	Due         time.Time `json:"due,omitzero"`
	Status      string    `json:"status,omitempty"`
	MTA         string    `json:"mta,omitempty"`
}

type eventFacts struct {
	At        time.Time `json:"at"`
	Kind      string    `json:"kind"`
	QueueID   string    `json:"queue_id,omitempty"`
	From      string    `json:"from"`
	Login     string    `json:"login,omitempty"`
	To        string    `json:"to,omitempty"`
	MessageID string    `json:"message_id,omitempty"`
	MTA       string    `json:"mta,omitempty"`
	Status    string    `json:"status,omitempty"`
	Means     string    `json:"means,omitempty"` // Status in words
	Detail    string    `json:"detail,omitempty"`
	Linked    string    `json:"linked,omitempty"` // queue id of what it led to, or came from
	Took      float64   `json:"took,omitempty"`   // seconds
}

// itemsAtOnce is how many messages are read at a time.
const itemsAtOnce = 500

// each calls fn with every message that has a recipient waiting.
func (a *admin) each(ctx context.Context, fn func(queue.Entry) error) error {
	after := store.ItemID(0)
	for {
		entries, err := a.queue.List(ctx, after, itemsAtOnce)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			if err := fn(e); err != nil {
				return err
			}
			after = e.Item.ID
		}
	}
}

func (a *admin) queued(ctx context.Context, _ none) ([]itemFacts, error) {
	out := []itemFacts{}
	err := a.each(ctx, func(e queue.Entry) error {
		out = append(out, showEntry(e))
		return nil
	})
	return out, err
}

func showEntry(e queue.Entry) itemFacts {
	it := e.Item
	facts := itemFacts{QueueID: it.QueueID, From: it.Envelope.From.String(), Login: it.Origin.Login, Size: it.Size,
		MessageID: it.MessageID, Arrived: it.Arrived, Expires: it.Expires}
	for _, d := range e.Deliveries {
		f := deliveryFacts{To: d.Recipient.Path.String(), Destination: d.Destination, State: string(d.State), Held: d.Held,
			Attempts: d.Attempts, Due: d.Due, MTA: d.Status.MTA}
		if d.Status.Reply.Code != 0 {
			f.Status = d.Status.Reply.String()
		}
		facts.Deliveries = append(facts.Deliveries, f)
	}
	facts.Events = showEvents(e.Events)
	return facts
}

func (a *admin) queueItem(ctx context.Context, queueID string) (itemFacts, error) {
	e, err := a.queue.Show(ctx, queueID)
	return showEntry(e), about(inQueue(queueID), err)
}

func (a *admin) retry(ctx context.Context, queueIDs []string) (int, error) {
	return a.onItems(ctx, queueIDs, a.queue.Retry)
}

func (a *admin) drop(ctx context.Context, queueIDs []string) (int, error) {
	return a.onItems(ctx, queueIDs, a.queue.Drop)
}

// onItems does something to messages, to all that wait when none is named,
// and adds up the deliveries.
func (a *admin) onItems(ctx context.Context, queueIDs []string, do func(context.Context, string) (int, error)) (total int, err error) {
	if len(queueIDs) == 0 {
		err = a.each(ctx, func(e queue.Entry) error {
			queueIDs = append(queueIDs, e.Item.QueueID)
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	for _, id := range queueIDs { // a wrong id is told before anything is done
		if _, err := a.queue.Show(ctx, id); err != nil {
			return 0, about(inQueue(id), err)
		}
	}
	for _, id := range queueIDs {
		n, err := do(ctx, id)
		if err != nil {
			return total, about(inQueue(id), err)
		}
		total += n
	}
	return total, nil
}

func inQueue(id string) string { return "message " + mail.Clean(id) + " in the queue" }
