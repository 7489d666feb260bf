package dns

import (
	"sync"
	"time"

	mdns "github.com/miekg/dns"
)

// Bounds of the cache. A TTL of a week keeps a moved server unreachable for a
// week; an hour is enough to spare the resolver.
const (
	maxAnswers     = 4096
	maxTTL         = time.Hour
	maxNegativeTTL = 5 * time.Minute
)

// question is what was asked, in canonical form.
type question struct {
	name   string
	rrtype uint16
}

// answer is records, or why there are none.
type answer struct {
	records   []mdns.RR
	name      string // whose they are, behind aliases
	missing   string // textNoDomain, textNoRecord or ""
	authentic bool   // a server that is believed says that DNSSEC proves it (RFC 4035 §3.2.3)
	ttl       time.Duration
	until     time.Time
}

// cache holds at most maxAnswers answers for their TTL. Failures are not kept.
type cache struct {
	mu      sync.Mutex
	answers map[question]answer // guarded by mu
}

func (c *cache) get(q question, now time.Time) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.answers[q]
	if ok && !now.Before(a.until) {
		delete(c.answers, q)
		return answer{}, false
	}
	return a, ok
}

func (c *cache) put(q question, a answer, now time.Time) {
	if a.ttl <= 0 {
		return
	}
	a.until = now.Add(a.ttl)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.answers) >= maxAnswers {
		c.shrink(now)
	}
	c.answers[q] = a
}

// shrink makes room: what has run out goes, and when that is nothing a quarter
// of the rest, in the map's random order. It is the caller who holds mu.
func (c *cache) shrink(now time.Time) {
	for q, a := range c.answers {
		if !now.Before(a.until) {
			delete(c.answers, q)
		}
	}
	for q := range c.answers {
		if len(c.answers) <= maxAnswers*3/4 {
			return
		}
		delete(c.answers, q)
	}
}
