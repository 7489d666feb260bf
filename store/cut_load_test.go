package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// load is what several workers do to a store at a time, each with messages,
// mailboxes and queue items of its own in mailboxes they share, while the store
// mirrors, derives, purges and copies its log by itself.
type load struct {
	*store.Store
	say      func(word string)
	accounts []store.Account
	steps    int // of each worker
	ctx      context.Context
}

// The mailboxes of every account that workers share.
var shared = []string{"INBOX", "Archive", "Trash"}

// begin makes the accounts.
func (l *load) begin(n int) error {
	if err := l.AddDomain(l.ctx, store.Domain{Name: "example.test", Admin: "admin@example.test"}); err != nil {
		return err
	}
	for i := range n {
		a, err := l.AddAccount(l.ctx, fmt.Sprintf("a%d@example.test", i), "hash", store.Quota{})
		if err != nil {
			return err
		}
		l.accounts = append(l.accounts, a)
	}
	return nil
}

// run has n workers do their steps, and others purge and claim meanwhile.
func (l *load) run(n int, seed uint64) error {
	errs := make([]error, n+1)
	var all, behind sync.WaitGroup
	for i := range n {
		all.Go(func() {
			w := &worker{load: l, number: i, rng: rand.New(rand.NewPCG(seed, uint64(i))), has: make(world), queued: make(map[string]store.DeliveryID)}
			if errs[i] = w.largest(); errs[i] == nil { // so that there is one in each load
				errs[i] = w.run()
			}
		})
	}
	ended := make(chan struct{})
	behind.Go(func() { errs[n] = l.behind(ended) })
	all.Wait()
	close(ended)
	behind.Wait()
	return errors.Join(errs...)
}

// behind does what the store does by itself each hour, and the scheduler all the
// time.
func (l *load) behind(ended <-chan struct{}) error {
	for {
		select {
		case <-ended:
			return nil
		case <-time.After(3 * time.Millisecond): // between two purges
		}
		if err := l.PurgeAt(l.ctx, later()); err != nil {
			return err
		}
		now := time.Now()
		if _, err := l.ClaimDue(l.ctx, now, now.Add(time.Hour), store.Room{1}); err != nil {
			return err
		}
	}
}

// worker does one thing after the other.
type worker struct {
	*load
	number int
	rng    *rand.Rand
	n      int // things made

	has      world
	about    world // of the step under way
	failed   error // what ended it
	told     said  // of the step under way
	messages []*copyOf
	queued   map[string]store.DeliveryID // by name in the world
	boxes    []*box
}

// copyOf is a message in a mailbox.
type copyOf struct {
	token   string
	account int
	box     string
	uid     store.UID
	flags   store.Flags
	keyword string
}

func (w *worker) name(c *copyOf) string {
	return "m " + w.accounts[c.account].Login + " " + c.box + " " + c.token
}

func (c *copyOf) value() string {
	return flagsOf(c.flags|store.Flags(len(c.keyword)&1)<<store.KeywordBase, []string{c.keyword})
}

// box is a mailbox the worker has made.
type box struct {
	account int
	name    string
}

func (w *worker) run() error {
	steps := []func() error{
		w.deliver, w.deliver, w.deliverToMany, w.large, w.relay, w.settle, w.settle, w.copy, w.move, w.move, w.flag, w.flag, w.expunge, w.expunge,
		w.create, w.rename, w.delete,
	}
	for i := range w.steps {
		do := steps[w.rng.IntN(len(steps))]
		if err := do(); err != nil {
			return fmt.Errorf("worker %d, step %d: %w", w.number, i, err)
		}
	}
	return nil
}

// step says what it is about to make of the worker's world, does it, and says
// that it was answered for.
func (w *worker) step(after world, do func() error) error {
	w.about = after
	w.word(said{Worker: w.number, Change: difference(w.has, after)})
	w.told = said{Worker: w.number, Told: true, UIDs: map[string]store.UID{}, Least: map[store.MailboxID]store.UID{}, ModSeq: map[store.MailboxID]store.ModSeq{}}
	if err := do(); err != nil {
		return err
	}
	w.word(w.told)
	w.has = after
	return nil
}

func (w *worker) word(s said) {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	w.say(string(b))
}

func (w *worker) token() string {
	w.n++
	return fmt.Sprintf("w%d-%d", w.number, w.n)
}

// incoming puts a message and is what appends it.
func (w *worker) incoming(token string, size int, to ...*copyOf) ([]store.Incoming, *store.Blob, error) {
	b, err := w.Put(w.ctx, &mail.Mail{Content: mail.Bytes(tokenText(token, size))})
	if err != nil {
		return nil, nil, err
	}
	var all []store.Incoming
	for _, c := range to {
		m, err := w.Mailbox(w.ctx, w.accounts[c.account].ID, c.box)
		if err != nil {
			return nil, b, err
		}
		box, err := m.Box(w.ctx)
		if err != nil {
			return nil, b, err
		}
		in := store.Incoming{Blob: b, Account: w.accounts[c.account].ID, Mailbox: box.ID, Flags: c.flags}
		if w.rng.IntN(4) == 0 {
			in.Internal = time.Unix(1_000_000_000+int64(w.n), 0)
		}
		if c.keyword != "" {
			in.Keywords = []string{c.keyword}
		}
		all = append(all, in)
	}
	return all, b, nil
}

// commit is one Change: messages, queue items, outcomes.
func (w *worker) commit(c store.Change, to ...*copyOf) error {
	r, err := w.Commit(w.ctx, c)
	if err != nil {
		for _, in := range c.Append {
			w.Discard(in.Blob)
		}
		for _, s := range c.Spool {
			w.Discard(s.Blob)
		}
		return err
	}
	for i, a := range r.Appended {
		to[i].uid = a.UID
		w.given(to[i], a.Mailbox)
		w.told.ModSeq[a.Mailbox] = a.ModSeq
	}
	w.messages = append(w.messages, to...)
	for i, id := range r.Items {
		all, err := w.Deliveries(w.ctx, id)
		if err != nil {
			return err
		}
		for _, d := range all {
			w.queued["q "+c.Spool[i].QueueID+" "+d.Recipient.Path.String()] = d.ID
		}
	}
	return nil
}

// given notes a UID that was told.
func (w *worker) given(c *copyOf, in store.MailboxID) {
	w.told.UIDs[w.name(c)] = c.uid
	w.told.Least[in] = max(w.told.Least[in], c.uid)
}

func (w *worker) append(size int, to ...*copyOf) error {
	after := maps.Clone(w.has)
	for _, c := range to {
		after[w.name(c)] = c.value()
	}
	return w.step(after, func() error {
		all, _, err := w.incoming(to[0].token, size, to...)
		if err != nil {
			return err
		}
		return w.commit(store.Change{Append: all}, to...)
	})
}

func (w *worker) deliver() error {
	return w.append(200+w.rng.IntN(6000), &copyOf{token: w.token(), account: w.rng.IntN(len(w.accounts)), box: "INBOX"})
}

// large is mail that never is in the database.
func (w *worker) large() error {
	if w.rng.IntN(3) > 0 {
		return w.deliver()
	}
	return w.largest()
}

func (w *worker) largest() error {
	return w.append(150_000+w.rng.IntN(50_000), &copyOf{token: w.token(), account: w.rng.IntN(len(w.accounts)), box: "Archive", flags: store.FlagSeen, keyword: "k"})
}

// deliverToMany is one acceptance: a message for every account, two others with
// it, and queue items for recipients elsewhere.
func (w *worker) deliverToMany() error {
	token := w.token()
	var to []*copyOf
	for i := range w.accounts {
		to = append(to, &copyOf{token: token, account: i, box: "INBOX"})
	}
	to = append(to, &copyOf{token: token, account: 0, box: "Archive"})
	after := maps.Clone(w.has)
	for _, c := range to {
		after[w.name(c)] = c.value()
	}
	for _, rcpt := range []string{"x@example.org", "y@example.net"} {
		after["q "+token+" "+rcpt] = stateOf(store.Waiting, store.ReportNone, 0)
	}
	return w.step(after, func() error {
		all, b, err := w.incoming(token, 1000+w.rng.IntN(3000), to...)
		if err != nil {
			return err
		}
		return w.commit(store.Change{Append: all, Spool: []store.Spooled{w.spooled(b, token, "x@example.org", "y@example.net")},
			Events: []store.Event{{At: time.Now(), Kind: "accepted", Session: token}}}, to...)
	})
}

func (w *worker) spooled(b *store.Blob, token string, rcpts ...string) store.Spooled {
	s := store.Spooled{Blob: b, QueueID: token, Expires: time.Now().Add(time.Hour), Origin: mail.Origin{Login: w.accounts[0].Login}}
	for _, r := range rcpts {
		local, domain, _ := strings.Cut(r, "@")
		s.Deliveries = append(s.Deliveries, store.NewDelivery{Recipient: mail.Recipient{Path: mail.Path{Local: local, Domain: domain}}, Destination: domain})
	}
	return s
}

// relay is a message for elsewhere alone.
func (w *worker) relay() error {
	token := w.token()
	after := maps.Clone(w.has)
	after["q "+token+" z@example.org"] = stateOf(store.Waiting, store.ReportNone, 0)
	return w.step(after, func() error {
		b, err := w.Put(w.ctx, &mail.Mail{Content: mail.Bytes(tokenText(token, 500+w.rng.IntN(2000)))})
		if err != nil {
			return err
		}
		return w.commit(store.Change{Spool: []store.Spooled{w.spooled(b, token, "z@example.org")}})
	})
}

// settle enters an outcome: deferred, delivered, or failed with a report to
// INBOX, and the last one ends the item.
func (w *worker) settle() error {
	if len(w.queued) == 0 {
		return w.relay()
	}
	name := w.anyQueued()
	after := maps.Clone(w.has)
	var state, report string
	var attempts int
	fmt.Sscan(after[name], &state, &report, &attempts)
	st := store.Settlement{Delivery: w.queued[name], State: store.Waiting, Due: time.Now().Add(time.Minute), Attempt: true}
	c := store.Change{Settle: []store.Settlement{st}}
	switch w.rng.IntN(3) {
	case 0:
		after[name] = stateOf(store.Waiting, store.ReportNone, attempts+1)
		return w.step(after, func() error { return w.commit(c) })
	case 1:
		c.Settle[0].State = store.Done
		w.over(after, name, stateOf(store.Done, store.ReportNone, attempts+1))
		return w.step(after, func() error { return w.commit(c) })
	}
	c.Settle[0].State, c.Settle[0].Report = store.Failed, store.ReportWritten
	w.over(after, name, stateOf(store.Failed, store.ReportWritten, attempts+1))
	to := &copyOf{token: w.token(), account: 0, box: "INBOX"}
	after[w.name(to)] = to.value()
	return w.step(after, func() (err error) {
		if c.Append, _, err = w.incoming(to.token, 800, to); err != nil {
			return err
		}
		return w.commit(c, to)
	})
}

// anyQueued is one of what waits, the same for the same seed.
func (w *worker) anyQueued() string {
	least, at := "", w.rng.IntN(1000)
	for name := range w.queued {
		if least == "" || rank(name, at) < rank(least, at) || rank(name, at) == rank(least, at) && name < least {
			least = name
		}
	}
	return least
}

func rank(name string, at int) (n int) {
	for i := range len(name) {
		n = n*31 + int(name[i]) + at
	}
	return n % 1009
}

// over says that a delivery is over; an item of which no other waits is gone.
func (w *worker) over(after world, name, state string) {
	delete(w.queued, name)
	after[name] = state
	item := name[:strings.LastIndex(name, " ")+1]
	for other := range after {
		if strings.HasPrefix(other, item) && strings.HasPrefix(after[other], string(store.Waiting)) {
			return
		}
	}
	maps.DeleteFunc(after, func(other, _ string) bool { return strings.HasPrefix(other, item) })
}
