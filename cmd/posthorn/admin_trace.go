package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/queue"
	"posthorn/store"
)

var traceMail = verb[traceQuestion, traced]{"trace", (*admin).trace}

// traceQuestion is what `trace` looks for: a queue id, an address or a
// Message-ID.
type traceQuestion struct {
	What  string    `json:"what"`
	Since time.Time `json:"since,omitzero"`
	Limit int       `json:"limit"`
}

// traced answers: the life of one message, or the messages among which to choose.
type traced struct {
	Messages []tracedFacts   `json:"messages,omitempty"` // newest first
	Life     []eventFacts    `json:"life,omitempty"`     // of the only one, with those it is linked to
	Waiting  []deliveryFacts `json:"waiting,omitempty"`  // what is still to be delivered of it
	More     bool            `json:"more,omitempty"`     // there are others
}

type tracedFacts struct {
	QueueID   string    `json:"queue_id"`
	At        time.Time `json:"at"`
	From      string    `json:"from"`
	Login     string    `json:"login,omitempty"`
	To        []string  `json:"to"`
	MessageID string    `json:"message_id,omitempty"`
	Outcome   string    `json:"outcome"`
	Status    string    `json:"status,omitempty"`
	Means     string    `json:"means,omitempty"` // Status in words
}

func (a *admin) trace(ctx context.Context, ask traceQuestion) (traced, error) {
	id := ask.What
	if strings.Contains(id, "@") || strings.HasPrefix(id, "<") {
		out, err := a.findTraced(ctx, ask)
		if err != nil || out.More {
			return out, err
		}
		// What was forwarded has the Message-ID of what it was forwarded from: all
		// of it is one life.
		id = out.Messages[len(out.Messages)-1].QueueID
		events, _, err := a.queue.Life(ctx, id)
		if err != nil || !hasAll(events, out.Messages) {
			return out, err
		}
	}
	events, more, err := a.queue.Life(ctx, id)
	if err != nil {
		return traced{}, about("record of "+mail.Clean(id), err)
	}
	out := traced{Life: showEvents(events), More: more}
	it, err := a.queueItem(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return out, nil
	}
	for _, d := range it.Deliveries {
		if d.State == string(store.Waiting) {
			out.Waiting = append(out.Waiting, d)
		}
	}
	return out, err
}

// hasAll tells whether events are the life of all the messages.
func hasAll(events []store.Event, messages []tracedFacts) bool {
	ids := make(map[string]bool)
	for _, e := range events {
		ids[e.Session] = true
	}
	for _, m := range messages {
		if !ids[m.QueueID] {
			return false
		}
	}
	return true
}

func (a *admin) findTraced(ctx context.Context, ask traceQuestion) (traced, error) {
	found, more, err := a.queue.Find(ctx, queue.Question{What: ask.What, Since: ask.Since, Limit: ask.Limit})
	if err == nil && len(found) == 0 {
		err = worded{"nothing is on record about " + mail.Clean(ask.What), store.ErrNotFound}
	}
	out := traced{More: more}
	for _, f := range found {
		t := tracedFacts{QueueID: f.QueueID, At: f.At, From: f.From, Login: f.Login, To: f.To, MessageID: f.MessageID, Outcome: f.Outcome, Status: f.Status}
		t.Means = meaning(f.Outcome, f.Status)
		out.Messages = append(out.Messages, t)
	}
	return out, err
}

// meaning puts another server's reply into words; what we said ourselves, when a
// message was refused, is in words already.
func meaning(kind, status string) string {
	if kind == "refused" {
		return ""
	}
	return queue.Meaning(status)
}

func showEvents(events []store.Event) []eventFacts {
	var all []eventFacts
	for _, e := range events {
		all = append(all, eventFacts{At: e.At, Kind: e.Kind, QueueID: e.Session, From: e.From, Login: e.Login, To: e.To, MessageID: e.MessageID,
			MTA: e.MTA, Status: e.Status, Means: meaning(e.Kind, e.Status), Detail: e.Detail, Linked: e.Linked, Took: e.Took.Seconds()})
	}
	return all
}
