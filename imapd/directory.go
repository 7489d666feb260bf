package imapd

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"posthorn/store"
)

// directories are those of the accounts that some session watches with NOTIFY.
type directories struct {
	store *store.Store

	mu   sync.Mutex // guards open and each directory's users
	open map[store.AccountID]*directory
}

// directory is every name that one account may know of, as it is now. The
// sessions of the account share it: after a commit it is read once, however many
// of them are woken.
type directory struct {
	store   *store.Store
	account store.AccountID
	users   int
	dirty   atomic.Bool

	mu     sync.Mutex // guards newest, owners and stop; held over the question to the store
	newest *tree
	owners []store.AccountID // whose mailboxes are in newest
	stop   func()            // of the watch over them

	wakeMu   sync.Mutex // guards sessions
	sessions map[*notification]*conn
}

// take gives the directory of an account to one more session, which is woken
// after each commit from now on, until put.
func (s *directories) take(account store.AccountID, n *notification, c *conn) *directory {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.open[account]
	if d == nil {
		d = &directory{store: s.store, account: account, stop: func() {}, sessions: map[*notification]*conn{}}
		if s.open == nil {
			s.open = map[store.AccountID]*directory{}
		}
		s.open[account] = d
	}
	d.users++
	d.wakeMu.Lock()
	defer d.wakeMu.Unlock()
	d.sessions[n] = c
	return d
}

// put takes it back.
func (s *directories) put(d *directory, n *notification) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.wakeMu.Lock()
	delete(d.sessions, n)
	d.wakeMu.Unlock()
	if d.users--; d.users == 0 {
		d.stop()
		delete(s.open, d.account)
	}
}

// touched is told of each commit to an owner. It must not block.
func (d *directory) touched() {
	d.dirty.Store(true)
	d.wakeMu.Lock()
	defer d.wakeMu.Unlock()
	for n, c := range d.sessions {
		n.dirty.Store(true)
		c.wake()
	}
}

// tree is the newest. It shows all that was committed before the call; nobody
// changes it.
func (d *directory) tree(ctx context.Context) (*tree, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if stale := d.dirty.Swap(false); d.newest != nil && !stale {
		return d.newest, nil
	}
	for {
		t, err := readTree(ctx, d.store, d.account)
		if err != nil {
			d.dirty.Store(true)
			return nil, err
		}
		owners := t.owners(d.account)
		if slices.Equal(owners, d.owners) {
			d.newest = t
			return t, nil
		}
		// Between this reading and the watch a commit may have been missed: it
		// is read once more.
		d.stop()
		d.owners = owners
		d.stop = d.store.Watch(owners, d.touched)
	}
}

// owners are the accounts whose commits change the tree of an account: its own,
// those whose mailboxes are in it, and store.Everyone's, who may be given
// another's mailbox at any time.
func (t *tree) owners(account store.AccountID) []store.AccountID {
	all := []store.AccountID{store.Everyone, account}
	for _, e := range t.entries {
		if e.exists {
			all = append(all, e.box.Account)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
