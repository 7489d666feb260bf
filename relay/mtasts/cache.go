package mtasts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"posthorn/store"
)

// Times of the cache. RFC 8461 §3.3 wants at least five minutes between tries to
// fetch a policy that could not be had.
const (
	retryFetch  = 5 * time.Minute
	maxFailures = 4096 // that are remembered
	markUsed    = 24 * time.Hour
)

// DNS is what the cache asks.
type DNS interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Memory is where policies survive a restart.
type Memory interface {
	// STSPolicy gives the policy kept for a domain, store.ErrNotFound when there
	// is none.
	STSPolicy(ctx context.Context, domain string) (store.STSPolicy, error)
	KeepSTSPolicy(ctx context.Context, p store.STSPolicy) error
	// DueSTSPolicies forgets what has expired and lists policies that were used
	// after a time and are to be fetched anew by now.
	DueSTSPolicies(ctx context.Context, now, usedAfter time.Time, limit int) ([]store.STSPolicy, error)
}

// Cache finds the policies of domains. It is safe for use by many goroutines.
type Cache struct {
	DNS
	Memory
	Fetch func(ctx context.Context, domain string) (string, error)
	Log   *slog.Logger

	mu       sync.Mutex
	fetching map[string]*fetch   // guarded by mu, by domain
	failures map[string]*failure // guarded by mu, by domain
}

// failure is a policy that could not be had.
type failure struct {
	id  string
	err error
	at  time.Time
}

// fetch is one under way; done is closed when the rest is set.
type fetch struct {
	done chan struct{}
	kept store.STSPolicy
	err  error
}

// Found is what is known about a domain.
type Found struct {
	Policy         // zero when the domain has none
	ID      string // of the policy; "" when there is none
	Text    string // as fetched
	Expires time.Time
	Problem error // why the policy that is published could not be had: ErrFetch, ErrWebPKI, ErrInvalid
}

// Find gives the policy of a domain, in ASCII and lower case (RFC 8461 §5.1): the
// one kept, unless the DNS announces another that can be fetched. Neither the DNS
// nor the web can make one disappear that is kept and has not expired.
func (c *Cache) Find(ctx context.Context, domain string) Found {
	now := time.Now()
	kept, err := c.STSPolicy(ctx, domain)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		c.Log.Error("kept MTA-STS policy cannot be read", "domain", domain, "error", err)
	}
	if err != nil || !now.Before(kept.Expires) {
		kept = store.STSPolicy{}
	}
	texts, err := c.LookupTXT(ctx, "_mta-sts."+domain)
	id, announced := Record(texts)
	if err != nil || !announced || id == kept.ID {
		c.mark(ctx, kept, now)
		return found(kept, nil)
	}
	fresh, err := c.fetchOnce(ctx, domain, id)
	if err != nil {
		return found(kept, err)
	}
	return found(fresh, nil)
}

func found(kept store.STSPolicy, problem error) Found {
	f := Found{ID: kept.ID, Text: kept.Text, Expires: kept.Expires, Problem: problem}
	if kept.ID == "" {
		return f
	}
	p, err := Parse(kept.Text)
	if err != nil { // it has been parsed before it was kept
		return Found{Problem: err}
	}
	f.Policy = p
	return f
}

// mark notes, once a day, that a policy is still of use.
func (c *Cache) mark(ctx context.Context, kept store.STSPolicy, now time.Time) {
	if kept.ID == "" || now.Sub(kept.Used) < markUsed {
		return
	}
	kept.Used = now
	c.keep(ctx, kept)
}

func (c *Cache) keep(ctx context.Context, p store.STSPolicy) {
	if err := c.KeepSTSPolicy(ctx, p); err != nil {
		c.Log.Error("MTA-STS policy cannot be kept", "domain", p.Domain, "error", err)
	}
}

// fetchOnce fetches the policy that is announced with id, once for all who ask
// for it at the time, and not again for a while after a failure.
func (c *Cache) fetchOnce(ctx context.Context, domain, id string) (store.STSPolicy, error) {
	c.mu.Lock()
	if f := c.failures[domain]; f != nil && f.id == id && time.Since(f.at) < retryFetch {
		c.mu.Unlock()
		return store.STSPolicy{}, f.err
	}
	f := c.fetching[domain]
	if f == nil {
		f = &fetch{done: make(chan struct{})}
		if c.fetching == nil {
			c.fetching, c.failures = make(map[string]*fetch), make(map[string]*failure)
		}
		c.fetching[domain] = f
		go c.run(context.WithoutCancel(ctx), f, domain, id) // ends by itself: a fetch is bounded in time
	}
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.kept, f.err
	case <-ctx.Done():
		return store.STSPolicy{}, fmt.Errorf("%w: %w", ErrFetch, ctx.Err())
	}
}

// run fetches for all who wait: none of them can end it for the others.
func (c *Cache) run(ctx context.Context, f *fetch, domain, id string) {
	f.kept, f.err = c.refresh(ctx, domain, id, time.Now())
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.fetching, domain)
	delete(c.failures, domain)
	if f.err != nil {
		c.remember(domain, &failure{id, f.err, time.Now()})
	}
	close(f.done)
}

// remember notes a failure; it is the caller who holds mu.
func (c *Cache) remember(domain string, f *failure) {
	if len(c.failures) >= maxFailures {
		for d, old := range c.failures {
			if time.Since(old.at) >= retryFetch {
				delete(c.failures, d)
			}
		}
	}
	if len(c.failures) < maxFailures {
		c.failures[domain] = f
	}
}

// refresh fetches a policy and keeps it.
func (c *Cache) refresh(ctx context.Context, domain, id string, used time.Time) (store.STSPolicy, error) {
	text, err := c.Fetch(ctx, domain)
	var p Policy
	if err == nil {
		p, err = Parse(text)
	}
	if err != nil {
		c.Log.Warn("MTA-STS policy cannot be had", "domain", domain, "id", id, "error", err)
		return store.STSPolicy{}, err
	}
	now := time.Now()
	kept := store.STSPolicy{
		Domain: domain, ID: id, Text: text, Fetched: now, Expires: now.Add(p.MaxAge), Used: used,
		Refresh: now.Add(min(p.MaxAge/2, maxUnrefreshed)),
	}
	c.Log.Info("MTA-STS policy fetched", "domain", domain, "id", id, "mode", string(p.Mode), "expires", kept.Expires)
	c.keep(ctx, kept)
	return kept, nil
}
