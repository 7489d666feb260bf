package store

import (
	"slices"
	"sync"
)

// watchers are those who want to look again after a commit.
type watchers struct {
	mu  sync.Mutex
	all map[AccountID][]*watcher
}

type watcher struct{ wake func() }

// Everyone is what to watch for mailboxes that are shared with anyone, from then
// on or no more.
const Everyone AccountID = 0

// Watch calls wake after each commit that touches one of the accounts. It
// carries nothing: who is woken asks what changed. wake must not block and is
// not called after stop has returned; stop may be called more than once.
func (s *Store) Watch(accounts []AccountID, wake func()) (stop func()) {
	w := &watcher{wake}
	ws := &s.watchers
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.all == nil {
		ws.all = make(map[AccountID][]*watcher)
	}
	for _, a := range accounts {
		ws.all[a] = append(ws.all[a], w)
	}
	return sync.OnceFunc(func() { ws.remove(accounts, w) })
}

func (ws *watchers) remove(accounts []AccountID, w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, a := range accounts {
		left := slices.DeleteFunc(ws.all[a], func(x *watcher) bool { return x == w })
		if len(left) == 0 {
			delete(ws.all, a)
		} else {
			ws.all[a] = left
		}
	}
}

// wakeWatchers tells the watchers of accounts to look again. It is called when
// the commit is done, outside the writer.
func (s *Store) wakeWatchers(accounts ...AccountID) {
	ws := &s.watchers
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, a := range accounts {
		for _, w := range ws.all[a] {
			w.wake()
		}
	}
}

// changed is called after each commit that changed what accounts have.
func (s *Store) changed(accounts ...AccountID) {
	s.wakeWatchers(accounts...)
	s.mirror.account(accounts...)
	s.deriver.account(accounts...)
}
