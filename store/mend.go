package store

import (
	"context"
	"sync"
	"time"

	"posthorn/internal/db"
)

// mender brings the store back after a write of unknown outcome. While every
// write is refused it reopens the database, which SQLite checks; ends what the
// failed commits left on the disk (content whose rows are there after all stays
// and must be whole, other content goes); and verifies the invariants of the
// rows, S4 to S7, of the whole store. Then the store writes again.
//
// What the check finds wrong is logged and does not keep the store closed: a
// transaction is whole or not there, so it was wrong before, and one bad mailbox
// must not stop the others. A database that is damaged does keep it closed, and
// so does a disk that cannot be read.
type mender struct {
	store *Store
	work  chan struct{} // of size one
	ctx   context.Context
	end   context.CancelFunc
	done  sync.WaitGroup

	// underWay is held for reading by each commit with content, until what
	// became of it is known here. It comes before mu.
	underWay sync.RWMutex

	mu       sync.Mutex
	doubtful []*prepared
}

// mendRetry is how long a mend that failed waits for the next try; a write that
// is refused meanwhile does not wait so long.
const mendRetry = 2 * time.Second

func newMender(s *Store) *mender {
	m := &mender{store: s, work: make(chan struct{}, 1)}
	m.ctx, m.end = context.WithCancel(context.Background())
	return m
}

func (m *mender) start() {
	m.done.Go(func() {
		var retry <-chan time.Time // nil while all is well
		for {
			select {
			case <-m.ctx.Done():
				return
			case <-m.work:
			case <-retry:
			}
			err := m.mend()
			m.store.troubles.outcome("reopening after a failed write", err)
			if retry = nil; err != nil {
				retry = time.After(mendRetry)
			}
		}
	})
}

func (m *mender) close() {
	m.end()
	m.done.Wait()
}

// broken is told by the database of writes that it failed or refused.
func (m *mender) broken(cause error) {
	if cause != db.ErrBroken {
		m.store.troubles.log.Error("a write failed; every write is refused until the store has been reopened and checked", "error", cause)
	}
	m.wake()
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
	err := m.store.db.Reopen(m.ctx, func() error {
		began := time.Now()
		c := &checker{store: m.store}
		m.gather()
		m.store.directory.forget() // the failed commit may have changed it after all
		err := m.settleAll(c)
		for _, verify := range []func(context.Context) error{c.numbers, c.counts, c.quotas} {
			if err == nil {
				err = verify(m.ctx)
			}
		}
		if err == nil {
			m.report(c.problems, time.Since(began))
		}
		return err
	})
	if err != nil {
		return err
	}
	return m.settleAll(&checker{store: m.store}) // those that were refused meanwhile
}

// gather waits until the commits that were under way when a write failed have
// been handed over: the database answers each of them at once now, and without
// this the store might write again before their content has been looked at.
func (m *mender) gather() {
	m.underWay.Lock()
	m.underWay.Unlock()
}

// reported is how many findings the log is told of one by one.
const reported = 10

func (m *mender) report(found []Problem, took time.Duration) {
	log := m.store.troubles.log
	for _, p := range found[:min(len(found), reported)] {
		log.Error("the check after a failed write found a problem", "invariant", p.Invariant, "account", p.Account,
			"mailbox", p.Mailbox, "path", p.Path, "what", p.What, "do", p.Do)
	}
	log.Warn("the store was reopened and checked, and writes again", "problems", len(found), "took", took)
}

// settleAll ends the commits that are in doubt.
func (m *mender) settleAll(c *checker) error {
	m.mu.Lock()
	doubtful := m.doubtful
	m.doubtful = nil
	m.mu.Unlock()
	for i, p := range doubtful {
		if err := m.settle(c, p); err != nil {
			m.mu.Lock()
			m.doubtful = append(m.doubtful, doubtful[i:]...)
			m.mu.Unlock()
			return err
		}
	}
	return nil
}

// settle removes the names of content that has no row, looks at content that
// has one (S3), and removes every staged name. Content in the database is there
// with its row, or not.
func (m *mender) settle(c *checker, p *prepared) error {
	for _, f := range p.unsynced.Files {
		known, err := m.store.known(m.ctx, f.Key)
		switch {
		case err != nil:
		case known:
			err = c.whole(m.ctx, f)
		default:
			err = m.store.blobs.Remove(m.ctx, f)
		}
		if err != nil {
			return err
		}
	}
	for _, st := range p.unsynced.Staged {
		st.Discard() // what is left of it goes at the next start
	}
	return m.store.recall(m.ctx, p.contents)
}
