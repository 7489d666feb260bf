package store

import (
	"context"
	"maps"
	"sync"
	"time"
)

// When the mirror works: after a pause, because a message that is delivered and
// read at once is then renamed once, and a disk that commits wait for is theirs.

// mirrorPause is how long nothing must have changed before names are.
var mirrorPause = time.Second // less in tests

// mirrorLate is how long changes that come without a pause are waited out.
const mirrorLate = 5 * time.Second

// mirror is what has changed since it was last looked at.
type mirror struct {
	renaming sync.Mutex // held while an account's files get new names

	bell    bell
	mu      sync.Mutex
	dirty   map[AccountID]bool
	domains bool
	last    time.Time // of the newest change

	// The mirror's goroutine's own: hashes of the notes that are known to be on
	// the disk, for what state those about sharing were written, and how far mailboxes have come that no row says yet.
	notes   map[Place]uint64
	shared  map[MailboxID]sharingState
	reached []reached
	due     []note // of accounts, not written yet

	expunged []File // not in a list yet
}

// reached says that the names of a mailbox's files are right up to a
// modification sequence.
type reached struct {
	box  MailboxID
	upTo ModSeq
}

func newMirror() *mirror {
	return &mirror{bell: newBell(), notes: make(map[Place]uint64), shared: make(map[MailboxID]sharingState)}
}

// account says that something about an account, its mailboxes or its messages
// has changed.
func (m *mirror) account(ids ...AccountID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dirty == nil {
		m.dirty = make(map[AccountID]bool)
	}
	for _, id := range ids {
		m.dirty[id] = true
	}
	m.last = time.Now()
	m.bell.ring()
}

// directory says that a domain, a key or an alias has changed.
func (m *mirror) directory() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.domains = true
	m.bell.ring()
}

// again puts back what failed. It rings no bell: a disk that refuses is not
// asked in a circle.
func (m *mirror) again(dirty map[AccountID]bool, domains bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dirty == nil {
		m.dirty = make(map[AccountID]bool)
	}
	maps.Copy(m.dirty, dirty)
	m.domains = m.domains || domains
}

func (m *mirror) take() (dirty map[AccountID]bool, domains bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dirty, domains = m.dirty, m.domains
	m.dirty, m.domains = nil, false
	return dirty, domains
}

// quiet waits until nothing has changed for mirrorPause, or for mirrorLate; false
// when ctx is done.
func (m *mirror) quiet(ctx context.Context) bool {
	late := time.Now().Add(mirrorLate)
	for pause := mirrorPause; pause > 0; {
		if !sleep(ctx, pause) {
			return false
		}
		now := time.Now()
		pause = min(m.newest().Add(mirrorPause).Sub(now), late.Sub(now))
	}
	return true
}

func (m *mirror) newest() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// giveWay lets commits have the disk for as long as the mirror has had it since
// a time, when there was one meanwhile.
func (m *mirror) giveWay(ctx context.Context, since time.Time) {
	if m.newest().After(since) {
		sleep(ctx, min(time.Since(since), mirrorPause))
	}
}

// sleep is false when ctx was done first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
