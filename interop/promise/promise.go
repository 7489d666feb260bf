// Package promise loads a mail server by all its doors at once, remembers what it
// answered, and holds it to that afterwards, whatever happened meanwhile: what it
// said was done is done, once; what it did not answer for is done as a whole or
// not at all; and nothing else has happened.
//
// Strangers and a mail server before it bring mail for several accounts (SMTP,
// LMTP), a person submits mail for this host and others, a program drains an
// account (POP3), and others work in mailboxes of their own (IMAP). A message is
// known by the id in its Message-ID; its octets follow from the id.
package promise

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"posthorn/interop/peer"
)

// Local parts of the accounts that a load needs.
const (
	submitter = "alice"
	drained   = "dora"
)

// Users are the local parts of all of them.
var Users = []string{submitter, "bob", "carol", drained, "iris", "ivo"}

var (
	receivers = []string{submitter, "bob", "carol", drained} // of mail from outside
	workers   = []string{"iris", "ivo"}                      // who have desks
)

// Target is a server with Users.
type Target struct {
	*peer.Server
	LMTP    string        // host:port; empty where it has none
	Clients int           // times the usual number of clients; 0: once
	Hurry   time.Duration // how long an answer may take; 0: 30 seconds
}

// Load is one load with all that was ever answered to it. It may be stopped and
// started again.
type Load struct {
	at      Target
	sink    *Sink
	hurry   time.Duration // how long an answer may take
	inboxes map[string]*inbox
	desks   []*desk

	mu       sync.Mutex
	ids      int
	transit  map[string]letter // guarded by mu: no answer came
	remote   map[string]bool   // guarded by mu: recipients elsewhere, answered for
	done     map[string]int    // guarded by mu: answers by what was asked
	refusals map[string]int    // guarded by mu: by the words
	problems []string          // guarded by mu
}

// letter is a message from outside and where it should be.
type letter struct {
	id     string
	users  []string // here
	remote string   // and there; "" for none
}

// New makes a load. Mail for Domain leaves the server by a route to the sink.
func New(at Target, sink *Sink) *Load {
	l := &Load{at: at, sink: sink, hurry: cmp.Or(at.Hurry, 30*time.Second), inboxes: map[string]*inbox{},
		transit: map[string]letter{}, remote: map[string]bool{}, done: map[string]int{}, refusals: map[string]int{}}
	for _, u := range receivers {
		l.inboxes[u] = newInbox()
	}
	for i := range 2 * len(workers) * max(1, at.Clients) {
		l.desks = append(l.desks, newDesk(workers[i%len(workers)], i))
	}
	return l
}

// Domain is where mail goes that leaves the server.
const Domain = "elsewhere.test"

// Run loads the server until ctx is done; clients whose connection breaks come
// again.
func (l *Load) Run(ctx context.Context) {
	var all sync.WaitGroup
	client := func(n int, addr string, session func(context.Context, *conn) error) {
		if addr == "" {
			return // it has no such door
		}
		for range n {
			all.Go(func() { l.again(ctx, addr, session) })
		}
	}
	times := max(1, l.at.Clients)
	client(6*times, l.at.SMTP, l.strangers)
	client(2*times, l.at.LMTP, l.frontServer)
	client(2*times, l.at.Submission, l.submit)
	client(1, l.at.POP3, l.drain)
	for _, d := range l.desks {
		client(1, l.at.IMAP, func(ctx context.Context, c *conn) error { return l.atDesk(ctx, c, d) })
	}
	all.Wait()
}

// again has one session after the other.
func (l *Load) again(ctx context.Context, addr string, session func(context.Context, *conn) error) {
	for ctx.Err() == nil {
		c, err := dial(addr, l.hurry)
		if err == nil {
			err = session(ctx, c)
			c.Close()
		}
		if slow, ok := err.(net.Error); ok && slow.Timeout() {
			l.problem("no answer within %s: %v", l.hurry, err)
		}
		if err != nil {
			pause(ctx, 10*time.Millisecond) // it is being started
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// name makes an id.
func (l *Load) name(kind string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids++
	return fmt.Sprintf("%s-%d", kind, l.ids)
}

// leaves is told before a letter's last octet leaves.
func (l *Load) leaves(m letter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.transit[m.id] = m
}

// answered is told of the answer to a letter.
func (l *Load) answered(m letter, err error) {
	if err != nil && !isRefusal(err) {
		return // it may have come, or not
	}
	l.mu.Lock()
	delete(l.transit, m.id)
	if err == nil && m.remote != "" {
		l.remote[m.remote] = true
	}
	l.mu.Unlock()
	for _, u := range m.users {
		l.inboxes[u].set(m.id, err == nil)
	}
}

// count is told of each answer.
func (l *Load) count(what string, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.done[what]++
	} else if isRefusal(err) {
		l.refusals[what+": "+err.Error()]++
	}
	return err
}

// problem is told of what must not be.
func (l *Load) problem(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.problems) < 50 {
		l.problems = append(l.problems, fmt.Sprintf(format, args...))
	}
}

// Problems are all that was found so far, 50 at most.
func (l *Load) Problems() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.problems)
}

// Refusals are the negative answers since the last call, by their words.
func (l *Load) Refusals() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.refusals
	l.refusals = map[string]int{}
	return all
}

// Done counts the positive answers, by what was asked.
func (l *Load) Done() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.done)
}
