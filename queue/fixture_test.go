package queue_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/mail"
	"posthorn/queue"
	"posthorn/store"
	"posthorn/store/maildir"
)

// inTime runs a test with a clock of its own: days pass at once when nothing is
// left to do.
func inTime(t *testing.T, test func(f *fixture)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(newFixture(t)) })
}

// fixture is a queue on a real store with one account, alice@here.test, a Placer
// that knows here.test, and an Agent that plays a script.
type fixture struct {
	*testing.T
	dir   string
	cfg   queue.Config
	disk  *disk
	st    *store.Store
	q     *queue.Queue
	agent *agent
	mda   *placer
	alice store.Account
	stop  func() // ends Run and waits
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{T: t, dir: t.TempDir(), agent: &agent{}, cfg: queue.DefaultConfig()}
	f.cfg.Hostname = "mx.here.test"
	f.open()
	if err := f.st.AddDomain(t.Context(), store.Domain{Name: "here.test", Admin: "alice@here.test"}); err != nil {
		t.Fatal(err)
	}
	var err error
	if f.alice, err = f.st.AddAccount(t.Context(), "alice@here.test", "", store.Quota{}); err != nil {
		t.Fatal(err)
	}
	f.mda = &placer{accounts: map[string]store.AccountID{"alice": f.alice.ID}, faults: map[string]mail.Reply{}, onward: map[string]string{}}
	f.renew()
	t.Cleanup(func() {
		if f.stop != nil {
			f.stop()
		}
		f.st.Close()
	})
	return f
}

func (f *fixture) open() {
	f.Helper()
	var err error
	f.disk = &disk{Blobs: maildir.New(f.dir)}
	if f.st, err = store.Open(f.Context(), f.dir, f.disk, store.Options{}); err != nil {
		f.Fatal(err)
	}
}

// renew makes the queue, as cfg says.
func (f *fixture) renew() {
	f.q = queue.New(f.st, f.mda, f.agent, f.cfg, slog.New(slog.DiscardHandler))
}

// disk is where content goes, and fails when it is told to.
type disk struct {
	store.Blobs
	broken atomic.Bool
	failed atomic.Int64 // how often it has
}

func (d *disk) Sync(batches []store.Unsynced) []error {
	if !d.broken.Load() {
		return d.Blobs.Sync(batches)
	}
	d.failed.Add(1)
	errs := make([]error, len(batches))
	for i := range errs {
		errs[i] = syscall.EIO
	}
	return errs
}

// run starts the scheduler.
func (f *fixture) run() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(f.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := f.q.Run(ctx); err != nil {
			f.Error(err)
		}
	}()
	f.stop = func() {
		cancel()
		<-done
		f.stop = nil
	}
}

// reopen ends the program and starts it again after a while.
func (f *fixture) reopen(off time.Duration) {
	f.Helper()
	if f.stop != nil {
		f.stop()
	}
	if err := f.st.Close(); err != nil {
		f.Fatal(err)
	}
	f.pass(off)
	f.open()
	f.renew()
}

// pass lets time go by.
func (f *fixture) pass(d time.Duration) {
	time.Sleep(d) // the bubble's clock: it takes no time
	synctest.Wait()
}

// letter is a message from alice, logged in.
func letter(to ...string) *mail.Mail {
	m := &mail.Mail{
		Envelope: mail.Envelope{From: mail.Path{Local: "alice", Domain: "here.test"}},
		QueueID:  mail.NewID(),
		Origin:   mail.Origin{Login: "alice@here.test", Proven: true},
		Head:     []byte("Received: from a by b; today\r\n"),
		Content:  mail.Bytes("From: alice@here.test\r\nTo: somebody\r\nSubject: Hello there\r\nMessage-ID: <1@here.test>\r\n\r\nHello\r\n"),
	}
	for _, a := range to {
		p, err := mail.ParsePath(a)
		if err != nil {
			panic(err)
		}
		m.To = append(m.To, mail.Recipient{Path: p})
	}
	return m
}

// fromStranger is one from outside.
func fromStranger(proven bool, to ...string) *mail.Mail {
	m := letter(to...)
	m.From = mail.Path{Local: "eve", Domain: "away.test"}
	m.Origin = mail.Origin{Proven: proven, Protocol: "ESMTP"}
	return m
}

func (f *fixture) accept(m *mail.Mail) {
	f.Helper()
	if err := f.q.Accept(f.Context(), m); err != nil {
		f.Fatal(err)
	}
}

// inbox gives the messages in alice's INBOX.
func (f *fixture) inbox() (all []string) {
	f.Helper()
	box, err := f.st.Mailbox(f.Context(), f.alice.ID, "INBOX")
	if err != nil {
		f.Fatal(err)
	}
	var uids []store.UID
	if _, err := box.Rows(f.Context(), func(rows []store.Row) {
		for _, r := range rows {
			uids = append(uids, r.UID)
		}
	}); err != nil {
		f.Fatal(err)
	}
	messages, err := box.Messages(f.Context(), uids)
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range messages {
		r, err := box.Open(f.Context(), m)
		if err != nil {
			f.Fatal(err)
		}
		b, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, string(b))
	}
	return all
}

// waiting are the recipients that wait in the queue, in words.
func (f *fixture) waiting() (all []string) {
	f.Helper()
	entries, err := f.q.List(f.Context(), 0, 1000)
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		for _, d := range e.Deliveries {
			if d.State != store.Waiting {
				continue
			}
			s := fmt.Sprintf("%s %d", d.Recipient.Path, d.Status.Reply.Code)
			if d.Held {
				s += " held"
			}
			all = append(all, s)
		}
	}
	return all
}

// agent plays a script; without one it takes everything.
type agent struct {
	mu       sync.Mutex
	script   func(destination string, to mail.Path) mail.Reply // guarded by mu
	delay    time.Duration                                     // guarded by mu: how long an attempt takes
	attempts []attempt                                         // guarded by mu
	running  map[string]int                                    // guarded by mu
	most     map[string]int                                    // guarded by mu: attempts at a time
}

type attempt struct {
	at          time.Time
	destination string
	to          []string
	wishes      string // ENVID, RET, and the first recipient's NOTIFY and ORCPT
	content     string
}

func (a *agent) Destination(domain string) string { return strings.ToLower(domain) }

func (a *agent) Deliver(ctx context.Context, destination string, m *mail.Mail, to []mail.Recipient) []mail.Status {
	a.mu.Lock()
	if a.running == nil {
		a.running, a.most = make(map[string]int), make(map[string]int)
	}
	a.running[destination]++
	a.most[destination] = max(a.most[destination], a.running[destination])
	delay := a.delay
	a.mu.Unlock()
	at := time.Now()
	var b []byte
	if r, err := m.Reader(); err == nil {
		b, _ = io.ReadAll(r)
		r.Close()
	}
	select {
	case <-time.After(delay):
	case <-ctx.Done():
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running[destination]--
	rec := attempt{at: at, destination: destination, content: string(b)}
	rec.wishes = fmt.Sprintf("%q %v %v %q", m.ID, m.Return, to[0].Notify, to[0].ORCPT)
	statuses := make([]mail.Status, len(to))
	for i, r := range to {
		statuses[i] = mail.Status{Reply: mail.Reply{Code: 250, X: mail.EnhancedCode{2, 0, 0}, Text: "Taken"}, MTA: "mx." + destination}
		if ctx.Err() != nil {
			statuses[i] = mail.Status{Reply: mail.ConnectionLost.With(destination, "interrupted")}
		} else if a.script != nil {
			statuses[i].Reply = a.script(destination, r.Path)
		}
		rec.to = append(rec.to, r.Path.String())
	}
	a.attempts = append(a.attempts, rec)
	return statuses
}

// says sets the script to one answer for everybody.
func (a *agent) says(reply mail.Reply) {
	a.play(func(string, mail.Path) mail.Reply { return reply })
}

func (a *agent) play(script func(destination string, to mail.Path) mail.Reply) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.script = script
}

// made are the attempts so far, for one destination or all ("").
func (a *agent) made(destination string) []attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	if destination == "" {
		return slices.Clone(a.attempts)
	}
	return slices.DeleteFunc(slices.Clone(a.attempts), func(x attempt) bool { return x.destination != destination })
}

// atOnce tells how many attempts at a destination ran at a time, at most.
func (a *agent) atOnce(destination string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.most[destination]
}

// placer knows here.test: accounts, faults by local part, and local parts that
// lead elsewhere.
type placer struct {
	mu       sync.Mutex
	accounts map[string]store.AccountID // guarded by mu
	faults   map[string]mail.Reply      // guarded by mu
	onward   map[string]string          // guarded by mu
	discards string                     // local part whose mail is thrown away
}

func (p *placer) Local(_ context.Context, domain string) (bool, error) {
	return domain == "here.test", nil
}

func (p *placer) fault(localPart string, reply mail.Reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults[localPart] = reply
}

func (p *placer) Place(_ context.Context, m *mail.Mail, to []mail.Recipient) []store.Placement {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]store.Placement, len(to))
	for i, r := range to {
		account, known := p.accounts[r.Path.Local]
		fault, broken := p.faults[r.Path.Local]
		next, leads := p.onward[r.Path.Local]
		switch {
		case broken && fault.Code != 0:
			all[i].Status.Reply = fault
		case p.discards != "" && r.Path.Local == p.discards:
			all[i].Status.Reply = mail.Delivered
		case leads:
			path, _ := mail.ParsePath(next)
			n := *m
			n.QueueID, n.To = mail.NewID(), []mail.Recipient{{Path: path, Notify: r.Notify}}
			all[i] = store.Placement{Status: mail.Status{Reply: mail.Delivered}, Onward: []*mail.Mail{&n}}
		case known:
			all[i] = store.Placement{Status: mail.Status{Reply: mail.Delivered}, Into: []store.Incoming{{Account: account, Role: store.RoleInbox, Overdraw: true}}}
		default:
			all[i].Status.Reply = mail.NoSuchMailbox.With(r.Path)
		}
	}
	return all
}
