package imapd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"posthorn/store"
)

// boxes are the mailboxes that are selected by some session.
type boxes struct {
	store *store.Store

	mu   sync.Mutex // guards open and each box's users
	open map[store.MailboxID]*box

	lingering lingering
}

// box is one selected mailbox: its newest version, shared by its sessions. It
// is there as long as one of them has it selected; its version lingers.
//
// It advances by Changes only, asked when a commit has touched the account
// since the last time. The mark is taken off before the question, so that a
// commit meanwhile marks it again.
type box struct {
	*store.Mailbox
	id    store.MailboxID
	users int
	stop  func() // of the watch
	dirty atomic.Bool

	mu     sync.Mutex // guards newest and err; held over the question to the store
	newest *version
	err    error // ErrNotFound for good, once the mailbox is deleted

	wakeMu sync.Mutex // guards idle
	idle   map[*conn]struct{}
}

// take gives the box of a mailbox to one more session.
func (s *boxes) take(account store.AccountID, id store.MailboxID, m *store.Mailbox) *box {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.open[id]
	if b == nil {
		b = &box{Mailbox: m, id: id, idle: map[*conn]struct{}{}, newest: s.lingering.take(id)}
		b.touch()
		b.stop = s.store.Watch([]store.AccountID{account}, b.touched)
		if s.open == nil {
			s.open = map[store.MailboxID]*box{}
		}
		s.open[id] = b
	}
	b.users++
	return b
}

// put takes it back.
func (s *boxes) put(b *box) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.users--; b.users == 0 {
		b.stop()
		delete(s.open, b.id)
		if b.newest != nil && b.err == nil { // nobody else has b any more
			s.lingering.keep(b.id, b.newest)
		}
	}
}

// touched is told of each commit to the account. It must not block.
func (b *box) touched() {
	b.dirty.Store(true)
	b.wakeMu.Lock()
	defer b.wakeMu.Unlock()
	for c := range b.idle {
		c.wake()
	}
}

// touch has the next version asked for anew, after a change of the caller's.
func (b *box) touch() { b.dirty.Store(true) }

// wakes has c woken after each commit, until stop.
func (b *box) wakes(c *conn) (stop func()) {
	b.wakeMu.Lock()
	defer b.wakeMu.Unlock()
	b.idle[c] = struct{}{}
	return func() {
		b.wakeMu.Lock()
		defer b.wakeMu.Unlock()
		delete(b.idle, c)
	}
}

// version is the newest version. It shows all that was committed before the
// call.
func (b *box) version(ctx context.Context) (*version, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return nil, b.err
	}
	stale := b.dirty.Swap(false)
	if b.newest != nil && !stale {
		return b.newest, nil
	}
	v, err := b.advance(ctx)
	if err != nil {
		b.dirty.Store(true)
		if errors.Is(err, store.ErrNotFound) {
			b.err = err
		}
		return nil, err
	}
	b.newest = v
	return v, nil
}

// versionAt is the version of a state that has just been read; a newer one
// where there is one already. It saves asking for changes where there are none.
func (b *box) versionAt(ctx context.Context, now store.Box) (*version, error) {
	b.mu.Lock()
	newest, err := b.newest, b.err
	b.mu.Unlock()
	if err == nil && newest != nil && newest.box.ModSeq == now.ModSeq && newest.box.UIDNext == now.UIDNext &&
		newest.box.ACL == now.ACL && len(newest.box.Keywords) == len(now.Keywords) {
		return newest, nil // dirty stays: commits since then are asked for at the next command
	}
	return b.version(ctx)
}

func (b *box) advance(ctx context.Context) (*version, error) {
	if b.newest == nil {
		return b.load(ctx)
	}
	ch, err := b.Changes(ctx, b.newest.at)
	if err != nil {
		return nil, fmt.Errorf("changes of mailbox %d: %w", b.id, err)
	}
	if ch.Gone {
		return nil, fmt.Errorf("mailbox %d: %w", b.id, store.ErrNotFound)
	}
	if len(ch.Rows) == 0 && len(ch.Expunged) == 0 && ch.Box.UIDNext == b.newest.box.UIDNext && ch.Box.ACL == b.newest.box.ACL && len(ch.Box.Keywords) == len(b.newest.box.Keywords) {
		return b.newest, nil // another mailbox of the account
	}
	return b.newest.apply(ch), nil
}

func (b *box) load(ctx context.Context) (*version, error) {
	var chunks [][]store.Row
	current := make([]store.Row, 0, 64)
	at, err := b.Rows(ctx, func(rows []store.Row) {
		for len(rows) > 0 {
			n := min(chunkRows-len(current), len(rows))
			current = append(current, rows[:n]...)
			rows = rows[n:]
			if len(current) == chunkRows {
				chunks = append(chunks, current)
				current = make([]store.Row, 0, chunkRows)
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("load mailbox %d: %w", b.id, err)
	}
	return newVersion(at.ModSeq, at, appendChunk(chunks, current)), nil
}
