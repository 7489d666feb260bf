package maildir

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"posthorn/store"
)

// hints remembers for a little while what a folder held when it was listed, so
// that a thousand files whose names have changed cost one listing, not a
// thousand. A hint may be wrong: who follows it finds the file, or drops it and
// looks again.
type hints struct {
	mu      sync.Mutex
	folders map[string]*listing
}

type listing struct {
	names   map[store.Key]string
	lo, hi  store.Key // of a folder with more than maxNames only those between; "": no bound
	changed time.Time // the folder's time when it was listed
	settled bool      // a change since then would show in that time
	expiry  *time.Timer
}

// covers tells whether k would be among the names if the folder had held it.
// Names are in order but for keys that begin with others.
func (l *listing) covers(k store.Key) bool {
	above := l.lo == "" || l.lo < k && !strings.HasPrefix(string(k), string(l.lo))
	below := l.hi == "" || k < l.hi && !strings.HasPrefix(string(l.hi), string(k))
	return above && below
}

// The bounds of what hints hold, and for how long.
const (
	maxListings = 8
	maxNames    = 32 << 10 // of one folder, some 120 octets each
	hintsKept   = 10 * time.Second
)

// find gives the name of a key in a folder, "" when there is none.
func (h *hints) find(ctx context.Context, folder string, k store.Key) (string, error) {
	st, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.folders[folder]
	if l != nil {
		if name := l.names[k]; name != "" || l.covers(k) && l.settled && l.changed.Equal(st.ModTime()) {
			return name, nil
		}
	}
	if l, err = listed(ctx, folder, st.ModTime(), k); err != nil {
		return "", err
	}
	h.keep(folder, l)
	return l.names[k], nil
}

// granularity is how coarse the times of folders may be.
const granularity = time.Second

// listed lists a folder for the sake of k. Of a folder with very many files only
// the names about k are kept: who reads such a folder goes through it in the
// order of its keys, which is that of arrival.
func listed(ctx context.Context, folder string, changed time.Time, k store.Key) (*listing, error) {
	l := &listing{changed: changed, settled: time.Since(changed) > granularity}
	names, err := list(ctx, folder)
	if err != nil {
		return nil, err
	}
	if len(names) > maxNames {
		slices.Sort(names)
		at, _ := slices.BinarySearch(names, string(k))
		from := min(max(at-maxNames/2, 0), len(names)-maxNames)
		if from > 0 {
			l.lo = keyOf(names[from])
		}
		if from+maxNames < len(names) {
			l.hi = keyOf(names[from+maxNames-1])
		}
		names = names[from : from+maxNames]
	}
	l.names = make(map[store.Key]string, len(names))
	for _, n := range names {
		l.names[keyOf(n)] = n
	}
	return l, nil
}

// keyOf is the unique name a file name begins with.
func keyOf(name string) store.Key {
	if end := strings.IndexAny(name, ",:"); end >= 0 {
		name = name[:end]
	}
	return store.Key(name)
}

// keep is called with mu held. What it takes the place of goes at once, with its
// timer, which would hold it as long as it runs: a folder that changes is listed
// many times a second.
func (h *hints) keep(folder string, l *listing) {
	if old := h.folders[folder]; old != nil {
		old.expiry.Stop()
	} else if len(h.folders) >= maxListings {
		for _, old := range h.folders {
			old.expiry.Stop()
		}
		clear(h.folders)
	}
	if h.folders == nil {
		h.folders = make(map[string]*listing)
	}
	h.folders[folder] = l
	l.expiry = time.AfterFunc(hintsKept, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.folders[folder] == l {
			delete(h.folders, folder)
		}
	})
}

// known is what a key was called in a folder when it was listed, "" when that is
// not known.
func (h *hints) known(folder string, k store.Key) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.folders[folder]; l != nil {
		return l.names[k]
	}
	return ""
}

// note says what a key is called in a folder from now on; "" when that is not
// known.
func (h *hints) note(folder string, k store.Key, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if l := h.folders[folder]; l != nil && l.covers(k) {
		l.names[k] = name
	}
}
