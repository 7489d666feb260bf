package relay

import (
	"net/netip"
	"sync"
	"time"
)

// unchunked remembers servers that a session was lost with in the middle of BDAT
// (RFC 3030): what they offer, or what stands before them passes on, they cannot
// do. They get DATA for a while, since one bad connection looks the same.
type unchunked struct {
	mu    sync.Mutex
	until map[netip.AddrPort]time.Time // guarded by mu
}

const (
	unchunkedTime = 24 * time.Hour
	maxUnchunked  = 1000
)

func newUnchunked() *unchunked { return &unchunked{until: make(map[netip.AddrPort]time.Time)} }

func (u *unchunked) has(a netip.AddrPort) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	until, known := u.until[a]
	if known && !time.Now().Before(until) {
		delete(u.until, a)
		known = false
	}
	return known
}

func (u *unchunked) add(a netip.AddrPort) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.until) >= maxUnchunked {
		clear(u.until) // they are found again
	}
	u.until[a] = time.Now().Add(unchunkedTime)
}
