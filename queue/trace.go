package queue

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/queue/words"
	"posthorn/store"
)

// Bounds of one trace: what is more than a person reads.
const (
	maxEvents = 1000 // of one message
	maxLinked = 20   // messages that one led to, or came from
	maxLeads  = 5000 // read to find messages
)

// Traced is a message that a trace has found.
type Traced struct {
	QueueID   string
	MessageID string
	At        time.Time // when it was accepted or refused
	From      string
	Login     string   // of the account whose mail it is; "local" for this host's own
	To        []string // those of its recipients that were looked for, or all
	// Outcome is what became of it for To, as far as it is known: "delivered",
	// "deferred", "2 relayed, 1 failed".
	Outcome string
	Status  string // the last words about it, of one recipient
}

// Question is what a trace looks for.
type Question struct {
	What  string // a queue id, an address, or a Message-ID; angle brackets make it the last
	Since time.Time
	Limit int // messages
}

// Find finds messages, newest first; more tells that there are others. None is no
// error.
func (q *Queue) Find(ctx context.Context, ask Question) (found []Traced, more bool, err error) {
	id := strings.Trim(ask.What, "<>")
	l := store.Leads{Address: ask.What, Since: ask.Since, Limit: 500}
	if id != ask.What {
		l.Address, l.MessageID = "", id
	}
	if found, more, err = q.gather(ctx, l, ask.Limit); err != nil || len(found) > 0 || l.Address == "" {
		return found, more, err
	}
	l.Address, l.MessageID = "", id
	return q.gather(ctx, l, ask.Limit)
}

// gather gathers the events that lead to messages.
func (q *Queue) gather(ctx context.Context, l store.Leads, limit int) (found []Traced, more bool, err error) {
	byID := make(map[string]int)
	for read := 0; read < maxLeads; read += l.Limit {
		leads, err := q.st.Lead(ctx, l)
		if err != nil {
			return nil, false, err
		}
		for _, e := range leads {
			i, known := byID[e.Session]
			if !known && len(found) == limit {
				return q.outcomes(ctx, found, l.Address, true)
			}
			if !known {
				i = len(found)
				byID[e.Session] = i
				found = append(found, Traced{QueueID: e.Session, MessageID: e.MessageID, At: e.At, From: e.From, Login: e.Login})
			}
			found[i].To = append(found[i].To, e.To)
			l.Before = e.ID
		}
		if len(leads) < l.Limit {
			return q.outcomes(ctx, found, l.Address, false)
		}
	}
	return q.outcomes(ctx, found, l.Address, true)
}

// outcomes finds what became of messages.
func (q *Queue) outcomes(ctx context.Context, found []Traced, address string, more bool) ([]Traced, bool, error) {
	for i := range found {
		f := &found[i]
		slices.Reverse(f.To)
		if to := slices.IndexFunc(f.To, func(s string) bool { return strings.EqualFold(s, address) }); to >= 0 && !strings.EqualFold(f.From, address) {
			f.To = f.To[to : to+1]
		}
		events, err := q.st.Events(ctx, f.QueueID, 0, maxEvents)
		if err != nil {
			return nil, false, err
		}
		f.summarize(events)
	}
	return found, more, nil
}

// summarize takes the last thing that happened for each recipient.
func (f *Traced) summarize(events []store.Event) {
	last := make(map[string]store.Event)
	for _, e := range events {
		if e.Kind != "reported" && e.Kind != "bounced" && slices.Contains(f.To, e.To) {
			last[e.To] = e
		}
	}
	counts := make(map[string]int)
	for _, e := range last {
		counts[e.Kind]++
		f.Status = e.Status
	}
	if len(counts) == 1 && len(f.To) == 1 {
		for kind := range counts {
			f.Outcome = kind
		}
		return
	}
	f.Status = ""
	var words []string
	for kind, n := range counts {
		words = append(words, fmt.Sprintf("%d %s", n, kind))
	}
	slices.Sort(words)
	f.Outcome = strings.Join(words, ", ")
}

// Life gives what happened to a message and to those that it led to or came from,
// in order, at most 1,000 events of each; more tells that there were others.
// store.ErrNotFound: nothing is known of it.
func (q *Queue) Life(ctx context.Context, queueID string) (events []store.Event, more bool, err error) {
	queueID = strings.ToUpper(queueID)
	known := map[string]bool{queueID: true}
	next := []string{queueID}
	for len(next) > 0 {
		some, err := q.st.Events(ctx, next[0], 0, maxEvents+1)
		if err != nil {
			return nil, false, err
		}
		if len(some) > maxEvents {
			some, more = some[:maxEvents], true
		}
		next = next[1:]
		for _, e := range some {
			if e.Linked == "" || known[e.Linked] {
				continue
			}
			if len(known) >= maxLinked {
				more = true
				continue
			}
			known[e.Linked] = true
			next = append(next, e.Linked)
		}
		events = append(events, some...)
	}
	if len(events) == 0 {
		return nil, false, fmt.Errorf("%s: %w", mail.Clean(queueID), store.ErrNotFound)
	}
	slices.SortFunc(events, func(a, b store.Event) int { return cmp.Compare(a.ID, b.ID) })
	return events, more, nil
}

// Meaning says in a sentence what a reply means that an event has, in the words
// that a report has for it; "" for one that is no refusal.
func Meaning(status string) string {
	r := mail.ParseReply(status)
	if r.Code == 0 || r.Positive() {
		return ""
	}
	f := Classify(r)
	return strings.Join(words.Of(words.English).Kind(f.Kind, f.Params).What, " ")
}
