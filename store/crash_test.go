package store_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/maildir"
	"posthorn/store/storetest"
)

// crashDir makes the test binary the process that is killed: it works on the
// store there until it is.
const crashDir = "POSTHORN_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Fprintln(os.Stderr, workUntilKilled(dir))
		os.Exit(1)
	}
	ran := store.Statements()
	code := m.Run()
	if code == 0 && judgePlans(ran()) {
		code = 1
	}
	os.Exit(code)
}

// The words of a worker: what it is about to do with a message, and what has
// been answered for.
const (
	intends = "intends"
	has     = "has"
)

// workUntilKilled appends, flags, moves, copies and expunges messages in four
// goroutines while another purges, and tells of each step before and after.
func workUntilKilled(dir string) error {
	store.Hurry()
	ctx := context.Background()
	s, err := store.Open(ctx, dir, maildir.New(dir), store.Options{})
	if err != nil {
		return err
	}
	a, err := s.AccountByLogin(ctx, "alice@example.test")
	if err != nil {
		return err
	}
	bob, err := s.AccountByLogin(ctx, "bob@example.test")
	if err != nil {
		return err
	}
	failed := make(chan error, 5)
	run := mail.NewID()
	for g := range 4 {
		go func() { failed <- work(ctx, s, a.ID, bob.ID, fmt.Sprintf("%s-%d", run, g)) }()
	}
	go func() {
		for {
			if err := s.PurgeAt(ctx, later()); err != nil {
				failed <- err
			}
		}
	}()
	return <-failed
}

func work(ctx context.Context, s *store.Store, a, other store.AccountID, name string) error {
	inbox, err := s.Mailbox(ctx, a, "INBOX")
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		id := fmt.Sprintf("%s-%d", name, n)
		tell := func(word, step string) { fmt.Println(word, step, id) } // one write, and the pipe outlives us
		tell(intends, "append")
		b, err := s.Put(ctx, &mail.Mail{Content: mail.Bytes(crashText(id))})
		if err != nil {
			return err
		}
		r, err := s.Commit(ctx, store.Change{Append: []store.Incoming{{Blob: b, Account: a, Role: store.RoleInbox}}})
		if err != nil {
			return err
		}
		tell(has, "append")
		uid := []store.UID{r.Appended[0].UID}
		for _, step := range []struct {
			name string
			do   func() error
		}{
			{"flag", func() error {
				_, _, err := inbox.SetFlags(ctx, uid, store.FlagsAdd, store.FlagSeen, []string{"k"}, -1)
				return err
			}},
			{"copy", func() error { return carry(ctx, s, a, "Trash", uid, inbox.Copy) }},
			{"move", func() error {
				return carry(ctx, s, []store.AccountID{a, other}[rand.IntN(2)], "Archive", uid, inbox.Move)
			}},
			{"expunge", func() error { _, err := inbox.Expunge(ctx, uid, true); return err }},
		} {
			if rand.IntN(2) == 0 {
				continue
			}
			tell(intends, step.name)
			if err := step.do(); err != nil {
				return fmt.Errorf("%s %s: %w", step.name, id, err)
			}
			tell(has, step.name)
		}
	}
}

func carry(ctx context.Context, s *store.Store, a store.AccountID, to string, uid []store.UID,
	do func(context.Context, []store.UID, store.MailboxID, store.Flags) (store.Copied, error)) error {
	m, err := s.Mailbox(ctx, a, to)
	if err != nil {
		return err
	}
	b, err := m.Box(ctx)
	if err == nil {
		_, err = do(ctx, uid, b.ID, store.AllFlags)
	}
	return err
}

func crashText(id string) string {
	return "Subject: " + id + "\r\n\r\n" + strings.Repeat(id+"\r\n", 100)
}

// S1, S2, S3: whenever the process is killed, what was answered for is there
// once, what was removed is gone, and every invariant holds.
func TestKilledAtAnyMoment(t *testing.T) {
	f := setUp(t)
	f.account("bob", store.Quota{})
	ok(t, f.Close())
	told := make(map[string]map[string]bool) // by message: "has append" ...
	for range 10 {
		killOnce(t, f.dir, told)
		f.open()
		storetest.Clean(t, f.Store)
		f.agree(told)
		f.agreeFacts("INBOX", "Trash", "Archive")
		ok(t, f.Derive(t.Context()))
		f.agreeFacts("INBOX", "Trash", "Archive")
		ok(t, f.Close())
		if t.Failed() {
			return
		}
	}
	t.Logf("%d messages", len(told))
}

// killOnce starts a worker, kills it at some moment, and adds what it told.
func killOnce(t *testing.T, dir string, told map[string]map[string]bool) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := c.StdoutPipe()
	ok(t, err)
	var said strings.Builder
	c.Stderr = &said
	ok(t, c.Start())
	var once sync.Once
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		once.Do(func() {
			time.AfterFunc(time.Duration(rand.IntN(300))*time.Millisecond, func() { c.Process.Kill() })
		})
		word, rest, _ := strings.Cut(lines.Text(), " ")
		step, id, _ := strings.Cut(rest, " ")
		if told[id] == nil {
			told[id] = make(map[string]bool)
		}
		told[id][word+" "+step] = true
	}
	c.Wait() // killed, as it was to be
	if said.Len() > 0 {
		t.Fatalf("the worker ended by itself: %s", said.String())
	}
}

// agree compares the mailboxes with what was told.
func (f *fixture) agree(told map[string]map[string]bool) {
	f.t.Helper()
	bob, err := f.AccountByLogin(f.t.Context(), "bob@example.test")
	ok(f.t, err)
	away, err := f.Mailbox(f.t.Context(), bob.ID, "Archive")
	ok(f.t, err)
	inbox, trash, archive := f.ids(f.box("INBOX")), f.ids(f.box("Trash")), f.ids(f.box("Archive"))
	for id, n := range f.ids(away) { // moved to the other account
		archive[id] += n
	}
	for id, said := range told {
		wrong := func(what string) {
			f.t.Errorf("%s: %s; in INBOX %d, Trash %d, Archive %d; told %v", id, what, inbox[id], trash[id], archive[id], said)
		}
		n := inbox[id] + archive[id]
		// Once a message was moved, the expunge finds nothing in INBOX.
		mayBeGone := said[intends+" expunge"] && !said[has+" move"]
		switch {
		case n > 1:
			wrong("it is there twice")
		case n == 0 && said[has+" append"] && !mayBeGone:
			wrong("it is lost")
		case inbox[id] == 1 && said[has+" expunge"]:
			wrong("it was expunged")
		case inbox[id] == 1 && said[has+" move"]:
			wrong("it was moved")
		case archive[id] == 1 && !said[intends+" move"]:
			wrong("nobody moved it")
		case trash[id] > 1, trash[id] == 0 && said[has+" copy"], trash[id] == 1 && !said[intends+" copy"]:
			wrong("its copy")
		}
	}
	for _, in := range []map[string]int{inbox, trash, archive} {
		for id := range in {
			if told[id] == nil {
				f.t.Errorf("%s is there and nobody told of it", id)
			}
		}
	}
}

// agreeFacts holds what was derived, as far as it was, against content.
func (f *fixture) agreeFacts(names ...string) {
	f.t.Helper()
	ctx := f.t.Context()
	for _, name := range names {
		m := f.box(name)
		var uids []store.UID
		_, err := m.Rows(ctx, func(rows []store.Row) {
			for _, r := range rows {
				uids = append(uids, r.UID)
			}
		})
		ok(f.t, err)
		n := 0
		ok(f.t, m.Facts(ctx, uids, wantAll, func(facts []store.Fact) error {
			for _, x := range facts {
				if x.UID != uids[n] {
					f.t.Fatalf("%s: facts of UID %d, want %d", name, x.UID, uids[n])
				}
				n++
				msgs, err := m.Messages(ctx, []store.UID{x.UID})
				ok(f.t, err)
				r, err := m.Open(ctx, msgs[0])
				ok(f.t, err)
				b, err := io.ReadAll(r)
				ok(f.t, errors.Join(err, r.Close()))
				if !bytes.HasPrefix(b, x.Header) || x.Header == nil || x.Size != msgs[0].Size || x.Email != msgs[0].Email || x.Thread != msgs[0].Thread {
					f.t.Errorf("%s: UID %d has the facts %+v and begins %.60q", name, x.UID, x, b)
				}
			}
			return nil
		}))
		if n != len(uids) {
			f.t.Errorf("%s: facts of %d messages, %d are there", name, n, len(uids))
		}
	}
}

// ids counts a mailbox's messages by their subject; each must be whole.
func (f *fixture) ids(m *store.Mailbox) map[string]int {
	f.t.Helper()
	ctx := f.t.Context()
	var uids []store.UID
	_, err := m.Rows(ctx, func(rows []store.Row) {
		for _, r := range rows {
			uids = append(uids, r.UID)
		}
	})
	ok(f.t, err)
	all, err := m.Messages(ctx, uids)
	ok(f.t, err)
	ids := make(map[string]int)
	for _, msg := range all {
		r, err := m.Open(ctx, msg)
		ok(f.t, err)
		text, err := io.ReadAll(r)
		ok(f.t, err)
		ok(f.t, r.Close())
		id, _, _ := strings.Cut(strings.TrimPrefix(string(text), "Subject: "), "\r\n")
		if string(text) != crashText(id) {
			f.t.Errorf("UID %d is not whole: %d octets", msg.UID, len(text))
		}
		ids[id]++
	}
	return ids
}
