package queue_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// disk is where content goes that has no room in a row, and fails when it is told
// to.
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

// agent plays a script; without one it takes everything.
type agent struct {
	mu       sync.Mutex
	script   func(destination string, to mail.Path) mail.Reply // guarded by mu
	delay    time.Duration                                     // guarded by mu: how long an attempt takes
	wait     func(destination string) time.Duration            // the same, by destination; set before Run
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
	requireTLS  bool
}

func (a *agent) Destination(_, to mail.Path) string { return strings.ToLower(to.Domain) }

// Keep is long for what is kept for another host.
func (a *agent) Keep(_ context.Context, domain string) (time.Duration, error) {
	if domain == "backup.test" {
		return 30 * 24 * time.Hour, nil
	}
	return 0, nil
}

func (a *agent) Deliver(ctx context.Context, destination string, m *mail.Mail, to []mail.Recipient) []mail.Status {
	a.mu.Lock()
	if a.running == nil {
		a.running, a.most = make(map[string]int), make(map[string]int)
	}
	a.running[destination]++
	a.most[destination] = max(a.most[destination], a.running[destination])
	delay := a.delay
	if a.wait != nil {
		delay = a.wait(destination)
	}
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
	rec := attempt{at: at, destination: destination, content: string(b), requireTLS: m.RequireTLS}
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

// now tells how many attempts run.
func (a *agent) now() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.running {
		n += r
	}
	return n
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
	passes   bool                       // what leads elsewhere is bounces on their way back
}

func (p *placer) Local(_ context.Context, domain string) (bool, error) {
	return domain == "here.test", nil
}

func (p *placer) Outward(context.Context, *mail.Mail) (*mail.Path, error) { return nil, nil }

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
			n := *m
			n.QueueID, n.To = mail.NewID(), nil
			if !p.passes {
				n.Origin.Forwarder = r.Path
			}
			for address := range strings.FieldsSeq(next) {
				path, _ := mail.ParsePath(address)
				n.To = append(n.To, mail.Recipient{Path: path, Notify: r.Notify})
			}
			all[i] = store.Placement{Status: mail.Status{Reply: mail.Delivered}, Onward: []*mail.Mail{&n}}
		case known:
			all[i] = store.Placement{Status: mail.Status{Reply: mail.Delivered}, Into: []store.Incoming{{Account: account, Role: store.RoleInbox, Overdraw: true}}}
		default:
			all[i].Status.Reply = mail.NoSuchMailbox.With(r.Path)
		}
	}
	return all
}
