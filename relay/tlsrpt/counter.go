// Package tlsrpt counts how TLS with other domains' servers works, and tells those
// who ask for it (RFC 8460).
package tlsrpt

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"posthorn/store"
)

// Memory is where counts are kept.
type Memory interface {
	CountTLS(ctx context.Context, counts []store.TLSPolicy, now time.Time) error
}

// Result is how one session ended; Success or one of the failures of RFC 8460
// §4.3.
type Result string

// The results.
const (
	Success      Result = ""
	NoSTARTTLS   Result = "starttls-not-supported"
	HostMismatch Result = "certificate-host-mismatch"
	Expired      Result = "certificate-expired"
	NotTrusted   Result = "certificate-not-trusted"
	Validation   Result = "validation-failure"
	TLSAInvalid  Result = "tlsa-invalid"
	DNSSEC       Result = "dnssec-invalid"
	FetchError   Result = "sts-policy-fetch-error"
	Invalid      Result = "sts-policy-invalid"
	WebPKI       Result = "sts-webpki-invalid"
)

// Session is one that was tried. Reason must be the same for the same mistake:
// sessions are counted by it.
type Session struct {
	At     time.Time
	Domain string // whose policy it is
	Kind   string // policy-type
	Policy string // as published, in lines
	Result
	MTA, Address, Ours, Reason string
}

// Times and bounds of the counter. What was not written when the process is killed
// is lost, which costs a report some sessions.
const (
	flushEvery  = time.Minute
	maxKeys     = 1000 // then it writes at once
	maxPolicy   = 4 << 10
	maxReason   = 200
	closingTime = 5 * time.Second
)

// Counter counts sessions in memory and writes the counts once in a while. It is
// safe for use by many goroutines.
type Counter struct {
	Memory
	Log *slog.Logger

	mu     sync.Mutex
	counts map[Session]int64 // guarded by mu; At is a day
	full   chan struct{}     // guarded by mu; of size one: "write"
}

// New makes a counter.
func New(m Memory, log *slog.Logger) *Counter {
	return &Counter{Memory: m, Log: log, counts: make(map[Session]int64), full: make(chan struct{}, 1)}
}

// Add counts a session. It never waits: where nobody writes and there is no room,
// the session is not counted.
func (c *Counter) Add(s Session) {
	s.At = s.At.UTC().Truncate(24 * time.Hour)
	s.Policy, s.Reason = cut(s.Policy, maxPolicy), cut(s.Reason, maxReason)
	if s.Result == Success {
		s.MTA, s.Address, s.Ours, s.Reason = "", "", "", ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.counts[s]; known || len(c.counts) < 2*maxKeys {
		c.counts[s]++
	}
	if len(c.counts) >= maxKeys {
		select {
		case c.full <- struct{}{}:
		default: // it has been told already
		}
	}
}

// cut does not hold on to the rest of a long text.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.Clone(s[:n])
}

// Run writes until ctx is done; Close writes what comes after.
func (c *Counter) Run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-c.full:
		}
		c.flush(ctx)
	}
}

// Close writes what has been counted.
func (c *Counter) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closingTime)
	defer cancel()
	c.flush(ctx)
}

func (c *Counter) flush(ctx context.Context) {
	c.mu.Lock()
	counts := c.counts
	c.counts = make(map[Session]int64)
	c.mu.Unlock()
	if len(counts) == 0 {
		return
	}
	if err := c.CountTLS(ctx, gather(counts), time.Now()); err != nil {
		c.Log.Error("TLS sessions cannot be counted", "error", err)
	}
}

// gather puts the counts of each policy together.
func gather(counts map[Session]int64) []store.TLSPolicy {
	type policy struct {
		day                int64
		domain, kind, text string
	}
	at := make(map[policy]int)
	var all []store.TLSPolicy
	for s, n := range counts {
		key := policy{s.At.Unix(), s.Domain, s.Kind, s.Policy}
		i, ok := at[key]
		if !ok {
			i = len(all)
			at[key] = i
			all = append(all, store.TLSPolicy{Day: s.At, Domain: s.Domain, Kind: s.Kind, Text: s.Policy})
		}
		if s.Result == Success {
			all[i].Successes += n
		} else {
			all[i].Failures = append(all[i].Failures, store.TLSFailure{Result: string(s.Result), MTA: s.MTA, Address: s.Address, Ours: s.Ours, Reason: s.Reason, Sessions: n})
		}
	}
	slices.SortFunc(all, func(a, b store.TLSPolicy) int { return a.Day.Compare(b.Day) })
	return all
}
