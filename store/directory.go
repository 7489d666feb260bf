package store

import (
	"context"
	"sync"

	"posthorn/internal/db"
	"posthorn/mail"
)

// directory remembers what every message asks of the rows again: which domains
// are ours, what an address of ours means, what an account may hold, and where a
// mailbox has its files. Each commit that may change one of these goes through
// alterDirectory or alterHomes, after which nothing of it is remembered; so what is
// answered from here is what the rows say (S9).
//
// Only what was found is remembered: who guesses at addresses displaces nothing.
// That a domain is not ours, as that of most recipients of mail that leaves is
// not, is known from all that are.
type directory struct {
	domains   lookup[string, Domain]
	names     lookup[struct{}, map[string]bool] // of all domains; nil: they are too many
	addresses lookup[mail.Path, Address]
	limits    lookup[AccountID, Quota]
	homes     lookup[homeKey, home] // homes.go

	mu     sync.RWMutex // guards what follows, and all of each lookup
	forgot uint64       // times
}

// maxRemembered entries of each kind are kept: those of some thousand accounts
// that get mail at a time, in a few MiB.
const maxRemembered = 8192

func newDirectory() *directory {
	d := new(directory)
	d.domains = lookup[string, Domain]{of: d, read: readDomain, found: func(Domain) bool { return true }}
	d.names = lookup[struct{}, map[string]bool]{of: d, read: readDomainNames, found: func(map[string]bool) bool { return true }}
	d.addresses = lookup[mail.Path, Address]{of: d, read: readRoute, found: func(a Address) bool { return a.Account != nil || len(a.Targets) > 0 }}
	d.limits = lookup[AccountID, Quota]{of: d, read: readLimit, found: func(Quota) bool { return true }}
	d.homes = lookup[homeKey, home]{of: d, read: readHome, found: func(home) bool { return true }}
	return d
}

// readRoute is readAddress without what changes with every message.
func readRoute(tx *db.Tx, key mail.Path) (Address, error) {
	a, err := readAddress(tx, key)
	if a.Account != nil {
		a.Account.Used = Quota{}
	}
	return a, err
}

// readDomainNames gives the names of all domains, nil when they are more than are
// remembered.
func readDomainNames(tx *db.Tx, _ struct{}) (map[string]bool, error) {
	names, err := collect(tx, scanID[string], `SELECT name FROM domains LIMIT ?`, maxRemembered+1)
	if err != nil || len(names) > maxRemembered {
		return nil, err
	}
	all := make(map[string]bool, len(names))
	for _, n := range names {
		all[n] = true
	}
	return all, nil
}

// domain gives a domain; db.ErrNoRows when it is not ours.
func (d *directory) domain(ctx context.Context, from *db.DB, name string) (Domain, error) {
	ours, err := d.names.get(ctx, from, struct{}{})
	if err != nil {
		return Domain{}, err
	}
	if ours != nil && !ours[name] {
		return Domain{}, db.ErrNoRows
	}
	return d.domains.get(ctx, from, name)
}

func readLimit(tx *db.Tx, id AccountID) (Quota, error) {
	a, err := readAccount(tx, id)
	return a.Limit, err
}

// forget forgets everything.
func (d *directory) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forgot++
	d.domains.all, d.names.all, d.addresses.all = nil, nil, nil
	d.limits.all, d.homes.all = nil, nil
}

// alterDirectory is db.Commit for what may change a domain, an alias or an
// account. It forgets whatever becomes of the commit: one that failed may have
// happened.
func (s *Store) alterDirectory(ctx context.Context, account int64, op func(*db.Tx) error) error {
	defer s.directory.forget()
	return s.db.Commit(ctx, account, op)
}

// lookup remembers what reading gave, by its key.
type lookup[K comparable, V any] struct {
	of    *directory
	read  func(*db.Tx, K) (V, error)
	found func(V) bool // what is worth remembering
	all   map[K]V
}

// get gives what is remembered, or reads it. Nobody may change what it gives.
func (l *lookup[K, V]) get(ctx context.Context, from *db.DB, key K) (V, error) {
	l.of.mu.RLock()
	v, ok := l.all[key]
	before := l.of.forgot
	l.of.mu.RUnlock()
	if ok {
		return v, nil
	}
	err := from.View(ctx, func(tx *db.Tx) (err error) {
		v, err = l.read(tx, key)
		return err
	})
	if err == nil && l.found(v) {
		l.keep(before, key, v)
	}
	return v, err
}

// keep remembers what was read, unless a commit may have changed it meanwhile.
func (l *lookup[K, V]) keep(before uint64, key K, v V) {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	if before != l.of.forgot {
		return
	}
	if l.all == nil {
		l.all = make(map[K]V)
	}
	for k := range l.all {
		if len(l.all) < maxRemembered {
			break
		}
		delete(l.all, k) // any: who gets mail comes back
	}
	l.all[key] = v
}
