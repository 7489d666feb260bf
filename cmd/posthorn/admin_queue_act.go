package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/queue"
	"posthorn/store"
)

// queueFilter chooses deliveries that wait, as people say it.
type queueFilter struct {
	QueueIDs    []string  `json:"queue_ids,omitempty"`
	From        string    `json:"from,omitempty"`
	To          string    `json:"to,omitempty"`
	Domain      string    `json:"domain,omitempty"`
	Destination string    `json:"destination,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Before      time.Time `json:"before,omitzero"`
	Since       time.Time `json:"since,omitzero"`
	Attempts    int       `json:"attempts,omitempty"`
	Held        bool      `json:"held,omitempty"`
}

// filter puts it into the form in which things are compared.
func (a *admin) filter(ctx context.Context, q queueFilter) (f store.Filter, err error) {
	f = store.Filter{Destination: q.Destination, Reason: q.Reason, Before: q.Before, Since: q.Since, Attempts: q.Attempts, Held: q.Held}
	if f.From, err = senderKey(q.From); err != nil {
		return f, err
	}
	if q.To != "" {
		p, err := parseAddress(q.To)
		if err != nil {
			return f, err
		}
		f.To = p.Local + "@" + p.Domain
	}
	if q.Domain != "" {
		f.Domain = mail.Path{Domain: q.Domain}.Key().Domain
	}
	if len(q.QueueIDs) > 0 {
		f.Items, err = a.queue.Choose(ctx, q.QueueIDs)
	}
	if errors.Is(err, store.ErrNotFound) {
		err = worded{"there is no message " + mail.Clean(missing(ctx, a, q.QueueIDs)) + " in the queue", err}
	}
	return f, err
}

// missing is the first of queue ids that is not in the queue.
func missing(ctx context.Context, a *admin, ids []string) string {
	for _, id := range ids {
		if _, err := a.queue.Choose(ctx, []string{id}); err != nil {
			return id
		}
	}
	return strings.Join(ids, " ")
}

// senderKey is a login, a return path, its domain or "<>" in key form.
func senderKey(s string) (string, error) {
	switch {
	case s == "" || s == "<>":
		return s, nil
	case strings.Contains(s, "@"):
		p, err := parseAddress(s)
		return p.Local + "@" + p.Domain, err
	}
	return mail.Path{Domain: s}.Key().Domain, nil
}

// actQuestion asks for the next part of an act, behind a delivery.
type actQuestion struct {
	queueFilter
	Act   queue.Act        `json:"act,omitempty"`
	After store.DeliveryID `json:"after"`
}

func (a *admin) count(ctx context.Context, ask actQuestion) (queue.Step, error) {
	f, err := a.filter(ctx, ask.queueFilter)
	if err != nil {
		return queue.Step{}, err
	}
	return a.queue.Count(ctx, f, ask.After)
}

// act works on one part for a short while, so that nobody waits for it and whoever
// asked can stop between two.
func (a *admin) act(ctx context.Context, ask actQuestion) (sum queue.Step, err error) {
	f, err := a.filter(ctx, ask.queueFilter)
	if ask.After > 0 && errors.Is(err, store.ErrNotFound) {
		return a.actOnRest(ctx, ask)
	}
	if err != nil {
		return sum, err
	}
	sum.Next = ask.After
	for end := time.Now().Add(250 * time.Millisecond); ; {
		step, err := a.queue.Act(ctx, ask.Act, f, sum.Next)
		if err != nil {
			return sum, err
		}
		sum.Done += step.Done
		sum.Next = step.Next
		if step.Next == 0 || time.Now().After(end) {
			return sum, nil
		}
	}
}

// actOnRest goes on where messages that were named have ended since the last part.
func (a *admin) actOnRest(ctx context.Context, ask actQuestion) (queue.Step, error) {
	var left []string
	for _, id := range ask.QueueIDs {
		if _, err := a.queue.Choose(ctx, []string{id}); err == nil {
			left = append(left, id)
		}
	}
	if len(left) == 0 {
		return queue.Step{}, nil
	}
	ask.QueueIDs = left
	return a.act(ctx, ask)
}

// describeHold says what a hold does and why.
func describeHold(h store.Hold, now time.Time) string {
	what := string(h.Kind) + " " + h.What
	switch h.Kind {
	case store.HoldAll:
		what = "everything"
	case store.HoldItem:
		what = "message " + h.What
	case store.HoldSender:
		what = "sender " + h.What
	}
	said := what + " is held"
	if h.Every > 0 {
		said = fmt.Sprintf("%s is slowed to one message each %s", what, duration(h.Every))
	}
	if h.Probe {
		said = fmt.Sprintf("%s is held, and asked with one message each %s", what, duration(h.Every))
	}
	if !h.Until.IsZero() && h.Until.After(now) {
		said += " for another " + duration(h.Until.Sub(now).Round(time.Second))
	}
	if h.Reason != "" {
		said += ": " + oneLine(h.Reason)
	}
	return said
}
