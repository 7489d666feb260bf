package queue

import (
	"sync"
	"time"
)

// takes remembers which destinations took mail lately. A reply to one recipient may
// be the words of that mailbox's owner, who writes "your address is blocked" into
// his rules; so a destination that took mail a moment ago is not held for it. One
// that does block our address takes nothing, and is held when takesTime is over.
type takes struct {
	mu sync.Mutex
	at map[string]time.Time // guarded by mu, by destination
}

const (
	takesTime = 30 * time.Minute
	maxTakes  = 10_000 // destinations; what is forgotten is held the sooner
)

func (t *takes) note(destination string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.at[destination]; t.at == nil || !known && len(t.at) >= maxTakes {
		t.at = make(map[string]time.Time)
	}
	t.at[destination] = now
}

func (t *takes) lately(destination string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, known := t.at[destination]
	return known && now.Sub(at) < takesTime
}
