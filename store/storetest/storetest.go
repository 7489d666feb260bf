// Package storetest is what every store must do, whatever keeps its content and
// whatever its SQL dialect: a suite of tests on the store's face alone. Each
// ends with a Check that finds nothing, so every test is a test of the
// invariants in docs/store.md too.
package storetest

import (
	"context"
	"fmt"
	"io"
	"testing"

	"posthorn/mail"
	"posthorn/store"
)

// Run runs the suite. open gives a new, empty store for each test; the suite
// closes it.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	for _, group := range []struct {
		name  string
		cases []test
	}{
		{"directory", directoryTests},
		{"remembered", rememberedTests},
		{"credentials", credentialsTests},
		{"quota", quotaTests},
		{"append", appendTests},
		{"flags", flagTests},
		{"expunge", expungeTests},
		{"copy", copyTests},
		{"sharing", sharingTests},
		{"mailboxes", mailboxTests},
		{"changes", changesTests},
		{"queue", queueTests},
		{"tls", tlsTests},
		{"maildrop", maildropTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				t.Run(c.name, func(t *testing.T) {
					f := &fixture{T: t, s: open(t), ctx: t.Context()}
					f.furnish()
					c.run(f)
					Clean(t, f.s)
					if err := f.s.Close(); err != nil {
						t.Errorf("close: %v", err)
					}
				})
			}
		})
	}
}

// Clean fails the test for each problem that Check finds.
func Clean(t testing.TB, s *store.Store) {
	t.Helper()
	problems, err := s.Check(context.Background(), false, nil)
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	for _, p := range problems {
		t.Errorf("check: %+v", p)
	}
}

// test is one case of the suite; its name is a sentence.
type test struct {
	name string
	run  func(*fixture)
}

// fixture is a store with a domain, example.test, and two accounts in it.
type fixture struct {
	*testing.T
	s          *store.Store
	ctx        context.Context
	alice, bob store.Account
}

func (f *fixture) furnish() {
	f.Helper()
	f.must(f.s.AddDomain(f.ctx, store.Domain{Name: "example.test", Admin: "alice@example.test"}))
	f.alice = f.account("alice@example.test", store.Quota{})
	f.bob = f.account("bob@example.test", store.Quota{})
}

func (f *fixture) account(login string, limit store.Quota) store.Account {
	f.Helper()
	a, err := f.s.AddAccount(f.ctx, login, "hash of "+login, limit)
	f.must(err)
	return a
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// message makes content whose subject is its only difference.
func message(subject string) *mail.Mail {
	return &mail.Mail{
		QueueID: mail.NewID(),
		Head:    []byte("Received: from there by here\r\n"),
		Content: mail.Bytes(fmt.Sprintf("From: a@example.org\r\nMessage-ID: <%s@example.org>\r\nSubject: %[1]s\r\n\r\nHello.\r\n", subject)),
	}
}

func (f *fixture) put(subject string) *store.Blob {
	f.Helper()
	b, err := f.s.Put(f.ctx, message(subject))
	f.must(err)
	return b
}

// deliver appends one message to an account's INBOX.
func (f *fixture) deliver(a store.Account, subject string) store.Appended {
	f.Helper()
	return f.append(store.Incoming{Blob: f.put(subject), Account: a.ID, Role: store.RoleInbox})[0]
}

// fill delivers n messages to an account's INBOX and gives their UIDs.
func (f *fixture) fill(a store.Account, n int) []store.UID {
	f.Helper()
	uids := make([]store.UID, n)
	for i := range uids {
		uids[i] = f.deliver(a, fmt.Sprintf("message-%d", i+1)).UID
	}
	return uids
}

func (f *fixture) append(in ...store.Incoming) []store.Appended {
	f.Helper()
	r, err := f.s.Commit(f.ctx, store.Change{Append: in})
	f.must(err)
	if len(r.Appended) != len(in) {
		f.Fatalf("%d answers to %d appends", len(r.Appended), len(in))
	}
	return r.Appended
}

func (f *fixture) mailbox(a store.Account, name string) *store.Mailbox {
	f.Helper()
	m, err := f.s.Mailbox(f.ctx, a.ID, name)
	f.must(err)
	return m
}

func (f *fixture) box(a store.Account, name string) store.Box {
	f.Helper()
	b, err := f.mailbox(a, name).Box(f.ctx)
	f.must(err)
	return b
}

// rows reads a whole mailbox.
func (f *fixture) rows(m *store.Mailbox) []store.Row {
	f.Helper()
	var all []store.Row
	_, err := m.Rows(f.ctx, func(r []store.Row) { all = append(all, r...) })
	f.must(err)
	return all
}

func (f *fixture) messages(m *store.Mailbox, uids ...store.UID) []store.Message {
	f.Helper()
	all, err := m.Messages(f.ctx, uids)
	f.must(err)
	if len(all) != len(uids) {
		f.Fatalf("%d rows for UIDs %v", len(all), uids)
	}
	return all
}

// text reads a message's content.
func (f *fixture) text(m *store.Mailbox, uid store.UID) string {
	f.Helper()
	r, err := m.Open(f.ctx, f.messages(m, uid)[0])
	f.must(err)
	defer r.Close()
	b, err := io.ReadAll(r)
	f.must(err)
	return string(b)
}

// whole is what a message reads as once it is stored.
func whole(subject string) string {
	m := message(subject)
	return string(m.Head) + string(m.Content.(mail.Bytes))
}

func (f *fixture) used(a store.Account) store.Quota {
	f.Helper()
	a, err := f.s.Account(f.ctx, a.ID)
	f.must(err)
	return a.Used
}

func uidsOf(rows []store.Row) []store.UID {
	uids := make([]store.UID, len(rows))
	for i, r := range rows {
		uids[i] = r.UID
	}
	return uids
}
