package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// Entry is one message in the queue, as an administrator sees it.
type Entry struct {
	Item       store.Item
	Deliveries []store.Delivery
	Events     []store.Event // Show gives them
}

// List gives messages in the order of their arrival, from the one behind after,
// at most limit.
func (q *Queue) List(ctx context.Context, after store.ItemID, limit int) ([]Entry, error) {
	items, err := q.st.Items(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list queue: %w", err)
	}
	entries := make([]Entry, len(items))
	for i, it := range items {
		entries[i].Item = it
		if entries[i].Deliveries, err = q.st.Deliveries(ctx, it.ID); err != nil {
			return nil, fmt.Errorf("list queue: %w", err)
		}
	}
	return entries, nil
}

// Show gives one message with what has happened to it. store.ErrNotFound: it is
// not in the queue, or no longer.
func (q *Queue) Show(ctx context.Context, queueID string) (Entry, error) {
	it, err := q.find(ctx, queueID)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{Item: it}
	if e.Deliveries, err = q.st.Deliveries(ctx, it.ID); err == nil {
		e.Events, err = q.st.Events(ctx, it.QueueID, 0, maxEvents)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("show %s: %w", queueID, err)
	}
	return e, nil
}

// find looks a message up by its queue id, in whatever case a person typed it.
func (q *Queue) find(ctx context.Context, queueID string) (store.Item, error) {
	it, err := q.st.ItemByQueueID(ctx, queueID)
	if errors.Is(err, store.ErrNotFound) {
		return it, fmt.Errorf("%s is not in the queue: %w", mail.Clean(queueID), store.ErrNotFound)
	}
	return it, err
}

// Retry lets a message be tried now: what is held goes on, and a destination
// that is in trouble is asked again. It gives the number of deliveries.
func (q *Queue) Retry(ctx context.Context, queueID string) (int, error) {
	ids, _, err := q.waiting(ctx, queueID)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	if err := q.st.Hold(ctx, ids, false); err != nil {
		return 0, fmt.Errorf("retry %s: %w", queueID, err)
	}
	if err := q.st.Retry(ctx, ids, time.Now()); err != nil {
		return 0, fmt.Errorf("retry %s: %w", queueID, err)
	}
	q.order(func(o *orders) { o.revive = true })
	return len(ids), nil
}

// Drop takes what still waits of a message out of the queue and tells nobody. It
// gives the number of deliveries.
func (q *Queue) Drop(ctx context.Context, queueID string) (int, error) {
	ids, it, err := q.waiting(ctx, queueID)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	var c store.Change
	for _, id := range ids {
		c.Settle = append(c.Settle, store.Settlement{
			Delivery: id, State: store.Failed, Status: mail.Status{Reply: mail.Dropped}, Report: store.ReportNone,
		})
	}
	c.Events = []store.Event{{
		Kind: "dropped", Item: it.ID, Session: it.QueueID, MessageID: it.MessageID, From: it.Envelope.From.String(), Status: mail.Dropped.String(),
	}}
	if _, err := q.st.Commit(ctx, c); err != nil {
		return 0, fmt.Errorf("drop %s: %w", queueID, err)
	}
	q.log.Info("dropped", "queue_id", it.QueueID, "from", it.Envelope.From.String())
	return len(ids), nil
}

// waiting are a message's deliveries that wait.
func (q *Queue) waiting(ctx context.Context, queueID string) ([]store.DeliveryID, store.Item, error) {
	it, err := q.find(ctx, queueID)
	if err != nil {
		return nil, it, err
	}
	deliveries, err := q.st.Deliveries(ctx, it.ID)
	if err != nil {
		return nil, it, fmt.Errorf("read %s: %w", queueID, err)
	}
	var ids []store.DeliveryID
	for _, d := range deliveries {
		if d.State == store.Waiting {
			ids = append(ids, d.ID)
		}
	}
	return ids, it, nil
}
