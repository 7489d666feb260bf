package store

import (
	"context"
	"sync"

	"posthorn/internal/db"
)

// mender brings the store back after a write of unknown outcome: it reopens the
// database, which checks itself, and then ends what the failed commits left on
// the disk: content whose rows are there after all stays, other content goes.
// Until it has succeeded every write fails, and each that does calls it again.
type mender struct {
	store *Store
	work  chan struct{} // of size one
	ctx   context.Context
	end   context.CancelFunc
	done  sync.WaitGroup

	mu       sync.Mutex
	doubtful []*prepared
}

func newMender(s *Store) *mender {
	m := &mender{store: s, work: make(chan struct{}, 1)}
	m.ctx, m.end = context.WithCancel(context.Background())
	return m
}

func (m *mender) start() {
	m.done.Go(func() {
		for {
			select {
			case <-m.ctx.Done():
				return
			case <-m.work:
				// The next write tells its caller when this has not worked.
				_ = m.mend()
			}
		}
	})
}

func (m *mender) close() {
	m.end()
	m.done.Wait()
}

// wake asks for a mend.
func (m *mender) wake() {
	select {
	case m.work <- struct{}{}:
	default: // it has been asked already
	}
}

// doubt hands over a commit of which nobody knows whether it has happened.
func (m *mender) doubt(p *prepared) {
	m.mu.Lock()
	m.doubtful = append(m.doubtful, p)
	m.mu.Unlock()
	m.wake()
}

func (m *mender) mend() error {
	if err := m.store.db.Reopen(m.ctx); err != nil {
		return err
	}
	m.mu.Lock()
	doubtful := m.doubtful
	m.doubtful = nil
	m.mu.Unlock()
	for i, p := range doubtful {
		if err := m.settle(p); err != nil {
			m.mu.Lock()
			m.doubtful = append(m.doubtful, doubtful[i:]...)
			m.mu.Unlock()
			return err
		}
	}
	return nil
}

// settle removes the names of content that has no row, and every staged name.
func (m *mender) settle(p *prepared) error {
	for _, f := range p.unsynced.Files {
		var known bool
		err := m.store.db.View(m.ctx, func(tx *db.Tx) (err error) {
			known, err = hasRow(tx, f.Key)
			return err
		})
		if err == nil && !known {
			err = m.store.blobs.Remove(f)
		}
		if err != nil {
			return err
		}
	}
	for _, st := range p.unsynced.Staged {
		st.Discard() // what is left of it goes at the next start
	}
	return nil
}
