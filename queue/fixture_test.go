package queue_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/mail"
	"posthorn/queue"
	"posthorn/store"
	"posthorn/store/blank"
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
	blank.Fill(t, f.dir)
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
