package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"posthorn/mail"
	"posthorn/queue"
	"posthorn/store"
)

var (
	queueList  = verb[listQuestion, listed]{"queue/list", (*admin).queued}
	queueShow  = verb[string, itemFacts]{"queue/show", (*admin).queueItem}
	queueCount = verb[actQuestion, queue.Step]{"queue/count", (*admin).count}
	queueAct   = verb[actQuestion, queue.Step]{"queue/act", (*admin).act}
	queueGroup = verb[groupQuestion, groups]{"queue/groups", (*admin).groups}
)

// itemFacts is a message in the queue. Events are given by `queue show` only, and
// all deliveries; `queue list` gives the first of those that were asked for.
type itemFacts struct {
	QueueID    string           `json:"queue_id"`
	From       string           `json:"from"`
	Login      string           `json:"login,omitempty"`
	Size       int64            `json:"size"`
	MessageID  string           `json:"message_id,omitempty"`
	Arrived    time.Time        `json:"arrived"`
	Expires    time.Time        `json:"expires"`
	Waiting    int              `json:"waiting"` // deliveries that wait, of those that were asked for
	Deliveries []deliveryFacts  `json:"deliveries"`
	Events     []eventFacts     `json:"events,omitempty"`
	Cursor     store.DeliveryID `json:"cursor,omitempty"` // for --after: what comes behind this message
}

type deliveryFacts struct {
	To          string    `json:"to"`
	Destination string    `json:"destination"`
	State       string    `json:"state"`
	Held        bool      `json:"held,omitempty"`
	Hold        string    `json:"hold,omitempty"` // what holds it, and why
	Attempts    int       `json:"attempts"`
	Due         time.Time `json:"due,omitzero"`
	Status      string    `json:"status,omitempty"`
	Means       string    `json:"means,omitempty"` // Status in words
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

// listQuestion asks for a page of the queue.
type listQuestion struct {
	queueFilter
	After store.DeliveryID `json:"after"`
	Limit int              `json:"limit"` // messages
}

type listed struct {
	Messages []itemFacts `json:"messages"`
	More     bool        `json:"more"`
}

// Bounds of a page.
const (
	matchedAtOnce = 2000
	shownOfOne    = 10 // deliveries of one message
)

func (a *admin) queued(ctx context.Context, ask listQuestion) (listed, error) {
	out := listed{Messages: []itemFacts{}}
	filter, err := a.filter(ctx, ask.queueFilter)
	if err != nil {
		return out, err
	}
	holds, err := a.queue.Holds(ctx)
	if err != nil {
		return out, err
	}
	last := store.ItemID(0)
	for after := ask.After; ; {
		found, next, err := a.store.Match(ctx, filter, after, matchedAtOnce)
		if err != nil {
			return out, err
		}
		for _, m := range found {
			if m.Item != last {
				if len(out.Messages) == ask.Limit {
					out.More = true
					return out, nil
				}
				last = m.Item
				it, err := a.store.Item(ctx, m.Item)
				if errors.Is(err, store.ErrNotFound) {
					continue // it has ended meanwhile
				}
				if err != nil {
					return out, err
				}
				out.Messages = append(out.Messages, showItem(it))
			}
			if err := a.addDelivery(ctx, &out.Messages[len(out.Messages)-1], m, holds); err != nil {
				return out, err
			}
		}
		if next == 0 {
			return out, nil
		}
		after = next
	}
}

func (a *admin) addDelivery(ctx context.Context, it *itemFacts, m store.Matched, holds []store.Hold) error {
	it.Cursor = m.Delivery
	it.Waiting++
	if len(it.Deliveries) == shownOfOne {
		return nil
	}
	d, err := a.store.Delivery(ctx, m.Delivery)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	item, err := a.store.Item(ctx, m.Item)
	if err == nil {
		it.Deliveries = append(it.Deliveries, showDelivery(item, d, holds))
	}
	return err
}

func showItem(it store.Item) itemFacts {
	return itemFacts{QueueID: it.QueueID, From: it.Envelope.From.String(), Login: it.Origin.Login, Size: it.Size,
		MessageID: it.MessageID, Arrived: it.Arrived, Expires: it.Expires, Deliveries: []deliveryFacts{}}
}

func showDelivery(it store.Item, d store.Delivery, holds []store.Hold) deliveryFacts {
	f := deliveryFacts{To: d.Recipient.Path.String(), Destination: d.Destination, State: string(d.State), Held: d.Held,
		Attempts: d.Attempts, Due: d.Due, MTA: d.Status.MTA}
	if d.Status.Reply.Code != 0 {
		f.Status = d.Status.Reply.String()
		f.Means = queue.Meaning(f.Status)
	}
	if d.State != store.Waiting {
		return f
	}
	i := slices.IndexFunc(holds, func(h store.Hold) bool { return h.Fits(it, d.Destination) })
	if i >= 0 {
		f.Held, f.Hold = true, describeHold(holds[i], time.Now())
	}
	return f
}

func (a *admin) queueItem(ctx context.Context, queueID string) (itemFacts, error) {
	e, err := a.queue.Show(ctx, queueID)
	if err != nil {
		return itemFacts{}, about(inQueue(queueID), err)
	}
	holds, err := a.queue.Holds(ctx)
	out := showItem(e.Item)
	for _, d := range e.Deliveries {
		out.Deliveries = append(out.Deliveries, showDelivery(e.Item, d, holds))
		if d.State == store.Waiting {
			out.Waiting++
		}
	}
	out.Events = showEvents(e.Events)
	return out, err
}

func inQueue(id string) string { return "message " + mail.Clean(id) + " in the queue" }
