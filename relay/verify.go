package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// A backup MX that takes mail for addresses that do not exist must bounce it
// later, to senders that are mostly forged. So each recipient is asked for at
// the primary: MAIL FROM:<>, RCPT, RSET. What the primary said is remembered, and
// while it is down those are taken that it took before.
const (
	takenFresh   = 24 * time.Hour      // not asked again
	takenFor     = 30 * 24 * time.Hour // good while the primary does not answer
	refusedFor   = time.Hour           // a new mailbox is found after this
	downFor      = time.Minute         // a primary that did not answer is not asked
	calloutTime  = 20 * time.Second    // for one question, connecting included
	maxCallouts  = 5                   // questions at a time for one domain
	maxRemember  = 10_000              // answers in memory
	forgetFactor = 10                  // the part of them that goes when it is full
)

// Verify answers RCPT for a recipient whose mailbox is not here: nil when mail
// for it is taken, because its domain is one that this host is the backup of and
// its primary takes it.
func (r *Relay) Verify(ctx context.Context, to mail.Recipient, _ int64) error {
	d, err := r.backup(ctx, to.Path.Domain)
	if err != nil {
		return err
	}
	if !d.Backup {
		return mail.RelayDenied.With(to.Path.Domain)
	}
	if answer, ok := r.callouts.known(to.Path, time.Now()); ok {
		return answer.err(to.Path)
	}
	if _, err := r.backups.Taken(ctx, to.Path, time.Now().Add(-takenFresh)); err == nil {
		return nil
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return r.unsure(ctx, to.Path, r.callouts.once(ctx, to.Path, func() answer { return r.callout(ctx, d, to.Path) }))
}

// unsure decides where the primary gave no answer.
func (r *Relay) unsure(ctx context.Context, p mail.Path, a answer) error {
	if a.sure || r.cfg.BackupUnverified == unverifiedAccept {
		return a.err(p)
	}
	_, err := r.backups.Taken(ctx, p, time.Now().Add(-takenFor))
	if errors.Is(err, store.ErrNotFound) {
		return mail.CannotVerifyNow.With(p.Domain)
	}
	return err
}

// answer is what a primary said about a recipient.
type answer struct {
	heard   bool // it did answer
	sure    bool // about the recipient
	refused mail.Reply
	at      time.Time
}

func (a answer) err(p mail.Path) error {
	if a.refused.Code == 0 {
		return nil
	}
	reply := mail.PrimaryRefuses.With(p.Domain, a.refused.String())
	if a.refused.X != (mail.EnhancedCode{}) {
		reply.X = a.refused.X
	}
	return reply
}

// callout asks the primary, and remembers what it says.
func (r *Relay) callout(ctx context.Context, d store.Domain, p mail.Path) answer {
	// Others wait for the answer: it is not the end of this session that ends it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), calloutTime)
	defer cancel()
	h := r.hop(mail.Path{}, p)
	h.backup = d
	reply, err := r.ask(ctx, h, p)
	if err != nil {
		r.log.Info("recipient cannot be verified", "to", p.String(), "error", err)
		return answer{at: time.Now()}
	}
	a := judgeAnswer(reply)
	switch {
	case !a.sure:
		r.log.Info("recipient cannot be verified", "to", p.String(), "status", reply.String())
	case a.refused.Code == 0:
		err = r.backups.SetTaken(ctx, p, a.at, a.at.Add(-takenFor))
	default:
		err = r.backups.NotTaken(ctx, p)
	}
	if err != nil {
		r.log.Warn("answer about a recipient is not remembered", "to", p.String(), "error", err)
	}
	return a
}

// judgeAnswer reads the reply to RCPT. A refusal counts only where it is about
// the mailbox: one for our address or greylisting says nothing about it.
func judgeAnswer(reply mail.Reply) answer {
	a := answer{heard: true, sure: true, at: time.Now()}
	none := reply.X == mail.EnhancedCode{}
	switch {
	case reply.Positive(), reply.X[1] == 2 && reply.X[2] == 2: // full, so it exists
	case reply.Permanent() && (reply.X[1] == 1 || reply.X[1] == 2 && reply.X[2] == 1),
		none && (reply.Code == 550 || reply.Code == 551 || reply.Code == 553):
		a.refused = reply
	default:
		a.sure = false
	}
	return a
}

// ask puts the question over a connection that is open, else over a new one.
func (r *Relay) ask(ctx context.Context, h hop, p mail.Path) (mail.Reply, error) {
	for s := r.idle.take(h.key()); s != nil; s = r.idle.take(h.key()) {
		reply, err := s.Probe(ctx, p)
		r.keep(s)
		if err == nil {
			return reply, nil
		}
	}
	trouble := errors.New("no host to ask")
	for t, refused := range r.targets(ctx, h) {
		if refused != nil {
			trouble = *refused
			continue
		}
		s, err := r.connect(ctx, h, t)
		if err == nil {
			var reply mail.Reply
			reply, err = s.Probe(ctx, p)
			r.keep(s)
			if err == nil {
				return reply, nil
			}
		}
		trouble = fmt.Errorf("%s: %w", t, err)
		if ctx.Err() != nil {
			break
		}
	}
	return mail.Reply{}, trouble
}

// callouts remembers answers, and lets each question be asked once at a time.
type callouts struct {
	mu      sync.Mutex
	answers map[string]answer    // guarded by mu, by address
	down    map[string]time.Time // guarded by mu, by domain: until when it is not asked
	running map[string]int       // guarded by mu, by domain
	flights map[string]*flight   // guarded by mu, by address
}

type flight struct {
	done chan struct{}
	answer
}

func newCallouts() *callouts {
	return &callouts{
		answers: make(map[string]answer), down: make(map[string]time.Time),
		running: make(map[string]int), flights: make(map[string]*flight),
	}
}

func (c *callouts) known(p mail.Path, now time.Time) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.answers[p.Key().String()]
	return a, ok && a.fresh(now)
}

func (a answer) fresh(now time.Time) bool {
	if a.refused.Code != 0 {
		return now.Before(a.at.Add(refusedFor))
	}
	return now.Before(a.at.Add(takenFresh))
}

// once has a question asked, or waits for the answer that somebody else gets. It
// is not sure where too much is asked of the domain's host already, or where
// that is down.
func (c *callouts) once(ctx context.Context, p mail.Path, ask func() answer) answer {
	key, domain := p.Key().String(), p.Key().Domain
	c.mu.Lock()
	if f := c.flights[key]; f != nil {
		c.mu.Unlock()
		select {
		case <-f.done:
			return f.answer
		case <-ctx.Done():
			return answer{}
		}
	}
	if time.Now().Before(c.down[domain]) || c.running[domain] >= maxCallouts {
		c.mu.Unlock()
		return answer{}
	}
	f := &flight{done: make(chan struct{})}
	c.flights[key] = f
	c.running[domain]++
	c.mu.Unlock()
	defer c.landed(key, domain, f)
	f.answer = ask()
	return f.answer
}

// landed takes a question out of the books, also one that ended in a panic.
func (c *callouts) landed(key, domain string, f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.flights, key)
	if c.running[domain]--; c.running[domain] == 0 {
		delete(c.running, domain)
	}
	if f.sure {
		c.remember(key, f.answer)
	}
	if f.heard {
		delete(c.down, domain)
	} else {
		c.down[domain] = time.Now().Add(downFor)
	}
	close(f.done)
}

// remember keeps an answer; it is the caller who holds mu.
func (c *callouts) remember(key string, a answer) {
	if len(c.answers) >= maxRemember {
		surplus := maxRemember / forgetFactor
		for k, old := range c.answers {
			if surplus > 0 || !old.fresh(a.at) {
				delete(c.answers, k)
				surplus--
			}
		}
	}
	c.answers[key] = a
}
