package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"posthorn/internal/db"
)

// troubles tells the log how the store's own work fares: what nobody waits for,
// so that no caller gets its error. A task has one line when it begins to fail
// and one when it works again, whatever the number of tries and items between.
type troubles struct {
	log     *slog.Logger
	failing atomic.Int32 // how many tasks fail: while none does, success costs one load

	mu    sync.Mutex
	tasks map[string]trouble
}

// trouble is what the log knows of a task.
type trouble struct {
	fails bool
	since time.Time
}

// troubleLasts is how long the log's word about a task stands: one that fails
// and works by turns fills no log.
const troubleLasts = time.Minute

func newTroubles(log *slog.Logger) *troubles {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &troubles{log: log, tasks: make(map[string]trouble)}
}

// outcome notes how a try of a task has ended. That the store is being closed,
// or that somebody gave up, is neither failure nor success.
func (t *troubles) outcome(task string, err error) {
	if err == nil && t.failing.Load() == 0 || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, db.ErrClosed) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	is, now := t.tasks[task], time.Now()
	if is.fails == (err != nil) || now.Sub(is.since) < troubleLasts {
		return
	}
	t.tasks[task] = trouble{err != nil, now}
	if err != nil {
		t.failing.Add(1)
		t.log.Warn("the store is in trouble; it tries again by itself", "task", task, "error", err)
		return
	}
	t.failing.Add(-1)
	t.log.Info("the store is out of trouble", "task", task)
}
