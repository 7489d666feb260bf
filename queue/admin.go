package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"

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

// Choose makes a filter of queue ids; nil chooses any. store.ErrNotFound names the
// one that is not in the queue.
func (q *Queue) Choose(ctx context.Context, queueIDs []string) ([]store.ItemID, error) {
	var items []store.ItemID
	for _, id := range queueIDs {
		it, err := q.find(ctx, id)
		if err != nil {
			return nil, err
		}
		items = append(items, it.ID)
	}
	slices.Sort(items)
	return slices.Compact(items), nil
}
