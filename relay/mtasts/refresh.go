package mtasts

import (
	"context"
	"time"
)

// Times of the refresh: who can block the web for a while must not outlast a
// policy (RFC 8461 §10.2), so it is fetched anew long before it expires.
const (
	maxUnrefreshed = 7 * 24 * time.Hour
	refreshRound   = 10 * time.Minute
	refreshRetry   = time.Hour
	refreshFor     = 60 * 24 * time.Hour // after it was last of use
	refreshBatch   = 100
)

// Run fetches policies anew, in the background and one after the other, until ctx
// is done.
func (c *Cache) Run(ctx context.Context) {
	tick := time.NewTicker(refreshRound)
	defer tick.Stop()
	for {
		c.Refresh(ctx, time.Now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Refresh is one round. A policy that is no longer announced is left to expire; one
// that cannot be fetched is kept as it is.
func (c *Cache) Refresh(ctx context.Context, now time.Time) {
	due, err := c.DueSTSPolicies(ctx, now, now.Add(-refreshFor), refreshBatch)
	if err != nil && ctx.Err() == nil {
		c.Log.Error("MTA-STS policies cannot be listed", "error", err)
	}
	for _, p := range due {
		if ctx.Err() != nil {
			return
		}
		texts, err := c.LookupTXT(ctx, "_mta-sts."+p.Domain)
		id, announced := Record(texts)
		if err == nil && announced {
			if _, err = c.refresh(ctx, p.Domain, id, p.Used); err == nil {
				continue
			}
		}
		if ctx.Err() == nil { // else the next process tries at once
			p.Refresh = now.Add(refreshRetry)
			c.keep(ctx, p)
		}
	}
}
