package main

import (
	"context"
	"fmt"
	"time"
)

var reindexSearch = verb[searchWish, searchProgress]{"reindex/search", (*admin).reindexSearch}

// searchWish asks for the search index: to be thrown away first, or only made
// further.
type searchWish struct {
	Anew bool `json:"anew"`
}

// searchProgress is how many messages the search index knows.
type searchProgress struct {
	Done     int64 `json:"done"`
	Total    int64 `json:"total"`
	Complete bool  `json:"complete"`
}

// searchPatience is how long one question waits for the index to be complete;
// who asks shows the answer and asks again. Where no server runs, the index is
// made while somebody asks.
const (
	searchPatience = 2 * time.Second
	searchLook     = 50 * time.Millisecond
)

func (a *admin) reindexSearch(ctx context.Context, w searchWish) (p searchProgress, err error) {
	if w.Anew {
		if err := a.store.RebuildText(ctx); err != nil {
			return p, err
		}
	}
	look := time.NewTicker(searchLook)
	defer look.Stop()
	for end := time.Now().Add(searchPatience); ; {
		p.Done, p.Total, p.Complete, err = a.store.TextProgress(ctx)
		if err != nil || p.Complete || time.Now().After(end) {
			return p, err
		}
		select {
		case <-ctx.Done():
			return p, ctx.Err()
		case <-look.C:
		}
	}
}

// rebuildSearch has the search index made anew and shows how far it has come.
func (c *cli) rebuildSearch(ctx context.Context) error {
	show := c.progress("messages")
	p, err := reindexSearch.ask(ctx, c, searchWish{Anew: true})
	for err == nil && !p.Complete {
		show(p.Done, max(p.Total, p.Done+1)) // not the end yet
		p, err = reindexSearch.ask(ctx, c, searchWish{})
	}
	if err != nil {
		return err
	}
	show(p.Total, p.Total)
	return c.print(p, func() { fmt.Fprintf(c.out, "the search index is rebuilt: %d messages\n", p.Done) })
}
