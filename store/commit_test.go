package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/blank"
	"posthorn/store/maildir"
)

// fixture is a store in a folder of its own with one account.
type fixture struct {
	*store.Store
	t   testing.TB
	dir string
	a   store.Account
	log *slog.Logger
}

func setUp(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{t: t, dir: t.TempDir()}
	blank.Fill(t, f.dir)
	f.open()
	ok(t, f.AddDomain(t.Context(), store.Domain{Name: "example.test", Admin: "admin@example.test"}))
	f.a = f.account("alice", store.Quota{})
	return f
}

func (f *fixture) open() {
	f.t.Helper()
	st, err := store.Open(f.t.Context(), f.dir, maildir.New(f.dir), store.Options{Log: f.log})
	ok(f.t, err)
	f.Store = st
	f.t.Cleanup(func() { st.Close() })
}

func (f *fixture) reopen() {
	f.t.Helper()
	ok(f.t, f.Close())
	f.open()
}

// copy gives a fixture whose folder is a copy of this one's; both stores are closed.
func (f *fixture) copy(t *testing.T) *fixture {
	t.Helper()
	c := &fixture{t: t, dir: t.TempDir(), a: f.a, log: f.log}
	ok(t, os.CopyFS(c.dir, os.DirFS(f.dir)))
	return c
}

func (f *fixture) account(local string, q store.Quota) store.Account {
	f.t.Helper()
	a, err := f.AddAccount(f.t.Context(), local+"@example.test", "hash", q)
	ok(f.t, err)
	return a
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t testing.TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got %v, want %v", err, kind)
	}
}

func (f *fixture) put(text string) *store.Blob {
	f.t.Helper()
	b, err := f.Put(f.t.Context(), &mail.Mail{Head: []byte("Return-Path: <>\r\n"), Content: mail.Bytes(text)})
	ok(f.t, err)
	return b
}

// deliver appends one message to INBOX of the fixture's account.
func (f *fixture) deliver(text string, flags store.Flags, keywords ...string) store.Appended {
	f.t.Helper()
	r, err := f.Commit(f.t.Context(), store.Change{Append: []store.Incoming{{
		Blob: f.put(text), Account: f.a.ID, Role: store.RoleInbox, Flags: flags, Keywords: keywords,
	}}})
	ok(f.t, err)
	return r.Appended[0]
}

func (f *fixture) box(name string) *store.Mailbox {
	f.t.Helper()
	m, err := f.Mailbox(f.t.Context(), f.a.ID, name)
	ok(f.t, err)
	return m
}

func (f *fixture) text(m *store.Mailbox, uid store.UID) string {
	f.t.Helper()
	all, err := m.Messages(f.t.Context(), []store.UID{uid})
	ok(f.t, err)
	if len(all) != 1 {
		f.t.Fatalf("UID %d: %d rows", uid, len(all))
	}
	r, err := m.Open(f.t.Context(), all[0])
	ok(f.t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	ok(f.t, err)
	return string(b)
}

const hello = "Message-ID: <1@example.test>\r\nSubject: hello\r\n\r\nworld\r\n"

func TestDeliveredMessageIsThereAfterReopening(t *testing.T) {
	f := setUp(t)
	got := f.deliver(hello, store.FlagFlagged, "$Work")
	if got.UID != 1 || got.UIDValidity == 0 || got.ModSeq == 0 || got.Email == 0 {
		t.Errorf("appended %+v", got)
	}
	f.reopen()
	m := f.box("inbox")
	if text := f.text(m, 1); text != "Return-Path: <>\r\n"+hello {
		t.Errorf("content %q", text)
	}
	b, err := m.Box(t.Context())
	ok(t, err)
	if b.Messages != 1 || b.Unseen != 1 || b.UIDNext != 2 || b.Size != int64(len(hello)+17) || fmt.Sprint(b.Keywords) != "[$Work]" {
		t.Errorf("box %+v", b)
	}
	if b.UIDValidity != got.UIDValidity || b.ModSeq != got.ModSeq {
		t.Errorf("box %+v, appended %+v", b, got)
	}
}

func TestOneChangeHappensForAllOrNone(t *testing.T) {
	f := setUp(t)
	small := f.account("small", store.Quota{Bytes: 10})
	b := f.put(hello)
	to := func(a store.AccountID, r store.Role) store.Incoming {
		return store.Incoming{Blob: b, Account: a, Role: r}
	}
	_, err := f.Commit(t.Context(), store.Change{Append: []store.Incoming{to(f.a.ID, ""), to(small.ID, "")}})
	is(t, err, store.ErrOverQuota)
	all, err := f.Mailboxes(t.Context(), f.a.ID)
	ok(t, err)
	for _, m := range all {
		if m.Messages != 0 {
			t.Errorf("%s has %d messages", m.Name, m.Messages)
		}
	}
	// The blob can be used again: twice in one account, once in the other.
	over := to(small.ID, "")
	over.Overdraw = true
	r, err := f.Commit(t.Context(), store.Change{Append: []store.Incoming{over, to(f.a.ID, ""), to(f.a.ID, store.RoleArchive), to(f.a.ID, store.RoleAll)}})
	ok(t, err)
	if len(r.Appended) != 4 || r.Appended[1].UID != 1 || r.Appended[2].UID != 1 || r.Appended[3].UID != 2 {
		t.Errorf("appended %+v", r.Appended)
	}
	if r.Appended[1].ModSeq != r.Appended[2].ModSeq || r.Appended[1].Email != r.Appended[3].Email {
		t.Errorf("one operation, one content: %+v", r.Appended)
	}
	f.Discard(b)
	for uid, box := range map[store.UID]string{1: "Archive", 2: "INBOX"} {
		if text := f.text(f.box(box), uid); !strings.HasSuffix(text, hello) {
			t.Errorf("%s: %q", box, text)
		}
	}
}

// S5, S6, S7 hold when many commit at a time, and each is told its own UID (S4).
func TestConcurrentDeliveries(t *testing.T) {
	f := setUp(t)
	const n = 200
	var wg sync.WaitGroup
	var mu sync.Mutex
	uids := make(map[store.UID]bool)
	var woken atomic.Int64
	defer f.Watch([]store.AccountID{f.a.ID}, func() { woken.Add(1) })()
	for i := range n {
		wg.Go(func() {
			a := f.deliver(fmt.Sprintf("Subject: %d\r\n\r\n%s", i, bytes.Repeat([]byte{'x'}, i)), 0)
			mu.Lock()
			defer mu.Unlock()
			uids[a.UID] = true
		})
	}
	wg.Wait()
	if len(uids) != n || woken.Load() != n {
		t.Errorf("%d UIDs, %d wakes", len(uids), woken.Load())
	}
	m := f.box("INBOX")
	var rows []store.Row
	b, err := m.Rows(t.Context(), func(block []store.Row) { rows = append(rows, block...) })
	ok(t, err)
	modseqs := make(map[store.ModSeq]bool)
	for i, r := range rows {
		modseqs[r.ModSeq] = true
		if r.UID != store.UID(i+1) {
			t.Fatalf("row %d has UID %d", i, r.UID)
		}
	}
	if len(rows) != n || len(modseqs) != n || b.Messages != n {
		t.Errorf("%d rows, %d modification sequences, %d counted", len(rows), len(modseqs), b.Messages)
	}
}
