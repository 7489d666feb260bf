// Package queue takes responsibility for mail and keeps it: each recipient of
// each accepted message ends delivered, or its failure is told to whoever wants
// to know. docs/queue.md numbers what it promises.
//
// Accept routes a message and commits all of it at once. Run is the scheduler:
// it claims what is due, gives it to an Agent by destination, and enters the
// outcomes. What to do about an outcome is a table (outcome.go), when to try
// again is schedule.go, what a person is told stands in report and words.
//
// RFCs: 5321 §4.5.4.1 (retries) and §6.1 (responsibility), 3461 to 3464 and 6522
// (reports), 3834 (automatic mail).
package queue

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// Agent carries mail to other hosts. Deliver makes one attempt and gives one
// status for each recipient, in order; deliveries with the same Destination go
// to the same hosts over the same connections. A sender's way out may be its own
// (a login at a smarthost), so Destination takes both ends. Keep is how long mail
// to a domain is tried where that is longer or shorter than usual, else 0.
type Agent interface {
	Keep(ctx context.Context, domain string) (time.Duration, error)
	Destination(from, to mail.Path) string
	Deliver(ctx context.Context, destination string, m *mail.Mail, to []mail.Recipient) []mail.Status
}

// Placer decides what becomes of mail for this host's own domains. Place writes
// nothing and gives one placement for each recipient, in order. Outward is the
// return path with which mail leaves for other hosts, nil for its own.
type Placer interface {
	Local(ctx context.Context, domain string) (bool, error)
	Place(ctx context.Context, m *mail.Mail, to []mail.Recipient) []store.Placement
	Outward(ctx context.Context, m *mail.Mail) (*mail.Path, error)
}

// Queue is the queue. It is safe for use by many goroutines.
type Queue struct {
	st     *store.Store
	placer Placer
	agent  Agent
	cfg    Config
	log    *slog.Logger

	backlog, unproven int // maxBacklog and maxUnproven, but for tests

	wake     chan struct{} // of size one: "look again"
	refusals refusalBudget
	sendings sendings
	takes    takes

	mu     sync.Mutex
	orders orders // guarded by mu
	runs   bool   // guarded by mu: the scheduler takes orders
}

// New makes a queue. Nothing runs until Run.
func New(st *store.Store, p Placer, a Agent, cfg Config, log *slog.Logger) *Queue {
	return &Queue{st: st, placer: p, agent: a, cfg: cfg, log: log, backlog: maxBacklog, unproven: maxUnproven, wake: make(chan struct{}, 1)}
}

// nudge makes Run look for due deliveries now.
func (q *Queue) nudge() {
	select {
	case q.wake <- struct{}{}:
	default: // it has been told already
	}
}

// local is the destination of deliveries to this host's own mailboxes that had
// to wait. It is no domain's.
const local = "(local)"

// destination names what a delivery of m to p is grouped by.
func (q *Queue) destination(m *mail.Mail, p mail.Path) string { return q.agent.Destination(m.From, p) }

// isOurs tells whether a message comes from this host or an account of it, and
// not from a stranger.
func isOurs(o mail.Origin) bool { return o.Login != "" || o.Protocol == "local" }

// expires is when a message that arrives now is given up.
func (q *Queue) expires() time.Time { return time.Now().Add(time.Duration(q.cfg.Expire)) }
