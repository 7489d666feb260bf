package imapd

import (
	"context"
	"errors"
	"sync"

	"posthorn/store"
)

// syncer makes content durable ahead of its commit while the next message is
// still coming in, several at a time: disks take many syncs as fast as one.
type syncer struct {
	slots chan struct{} // one for each sync that runs; nil before the first
	all   sync.WaitGroup

	mu     sync.Mutex
	failed error
}

// begin begins to sync a blob. It waits while maxSyncing others run.
func (y *syncer) begin(ctx context.Context, st *store.Store, b *store.Blob) {
	if y.slots == nil {
		y.slots = make(chan struct{}, maxSyncing)
	}
	y.slots <- struct{}{}
	y.all.Go(func() {
		defer func() { <-y.slots }()
		if err := st.Sync(ctx, b); err != nil {
			y.mu.Lock()
			defer y.mu.Unlock()
			y.failed = errors.Join(y.failed, err)
		}
	})
}

// wait waits for all, and gives what failed. Until then the blobs are the
// syncer's.
func (y *syncer) wait() error {
	y.all.Wait()
	return y.failed
}
