package queue_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
)

// returned is a letter whose report brings it back, and is too large for a row:
// the report has a file, which the disk may refuse to sync.
func returned(to string) *mail.Mail {
	m := letter(to)
	m.Return = mail.ReturnFull
	m.Content = mail.Bytes("Subject: Hello there\r\n\r\n" + strings.Repeat("long\r\n", 7000))
	return m
}

// Q10, Q11: while the store refuses an outcome, it is tried again and the
// recipient is not; when the store is well again there is one report.
func TestOutcomeThatTheStoreRefuses(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(never)
		f.accept(returned("bob@away.test"))
		f.disk.broken.Store(true)
		f.run()
		f.pass(3 * time.Hour) // longer than a claim
		if w, in := f.waiting(), f.inbox(); len(w) != 1 || len(in) != 0 {
			t.Errorf("while it fails: %q %q", w, in)
		}
		if f.disk.failed.Load() < 100 {
			t.Errorf("entering it was tried %d times", f.disk.failed.Load())
		}
		f.disk.broken.Store(false)
		f.pass(2 * time.Minute)
		if w, in := f.waiting(), f.inbox(); len(w) != 0 || len(in) != 1 || !strings.Contains(in[0], "Action: failed") {
			t.Errorf("when it works again: %q %q", w, in)
		}
		if made := f.agent.made(""); len(made) != 1 {
			t.Errorf("the host was asked %d times", len(made))
		}
	})
}

// Q5, Q10: an outcome that could not be entered before the program ended is
// found out again by the next, which reports it once.
func TestProgramThatEndsWhileTheStoreFails(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(never)
		f.accept(returned("bob@away.test"))
		f.disk.broken.Store(true)
		f.run()
		f.pass(time.Minute)
		start := time.Now()
		f.stop()
		if took := time.Since(start); took > time.Duration(f.cfg.Drain)+time.Second {
			t.Errorf("stopping took %v", took)
		}
		f.reopen(0)
		f.run()
		f.pass(time.Hour)
		if w, in := f.waiting(), f.inbox(); len(w) != 0 || len(in) != 1 {
			t.Errorf("got %q %q", w, in)
		}
	})
}

// A host that never comes to an end holds a connection for an hour, and the
// message waits.
func TestAttemptIsBounded(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.delay = 24 * time.Hour
		f.accept(letter("bob@away.test"))
		f.run()
		f.pass(time.Hour + time.Second)
		entries, err := f.q.List(f.Context(), 0, 10)
		if err != nil || len(entries) != 1 {
			t.Fatalf("%d in the queue, %v", len(entries), err)
		}
		if d := entries[0].Deliveries[0]; d.Attempts != 1 || d.Status.Reply.Code != 451 {
			t.Errorf("got %+v", d)
		}
	})
}

// What is placed nowhere, as its recipient's rules wish, is in the records
// nevertheless.
func TestMailThatGoesNowhereIsRecorded(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.discards = "trash"
		m := letter("trash@here.test")
		f.accept(m)
		if in, w := f.inbox(), f.waiting(); len(in)+len(w) != 0 {
			t.Errorf("kept: %q %q", in, w)
		}
		events, err := f.st.Events(f.Context(), m.QueueID, 0, 9)
		if err != nil || len(events) != 2 || events[0].Kind != "accepted" || events[1].Kind != "delivered" {
			t.Errorf("got %+v, %v", events, err)
		}
	})
}

// Q6: what still waits is delayed and no more, whatever class the reply had.
func TestDelayNoticeHasATemporaryStatus(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(mail.Reply{Code: 550, X: mail.EnhancedCode{5, 7, 606}, Text: "Access denied, banned sending IP"})
		f.accept(letter("bob@away.test"))
		f.run()
		f.pass(5 * time.Hour)
		in := f.inbox()
		if len(in) != 1 || !strings.Contains(in[0], "Action: delayed\r\nStatus: 4.7.606\r\n") {
			t.Errorf("got %q", in)
		}
	})
}

// RFC 3461 §5.2.1, §6.2: what a sender wished comes to the agent as it was
// accepted, also after the program was started anew.
func TestWishesGoAlong(t *testing.T) {
	inTime(t, func(f *fixture) {
		m := letter("bob@away.test")
		m.ID, m.Return = "an id+1", mail.ReturnHeaders
		m.To[0].Notify, m.To[0].ORCPT = mail.NotifySuccess|mail.NotifyDelay, "rfc822;bobby@else.test"
		f.accept(m)
		f.reopen(time.Minute)
		f.run()
		f.pass(time.Second)
		made := f.agent.made("")
		if want := fmt.Sprintf("%q %v %v %q", m.ID, m.Return, m.To[0].Notify, m.To[0].ORCPT); len(made) != 1 || made[0].wishes != want {
			t.Errorf("got %+v, want %s", made, want)
		}
	})
}

// RFC 8689: a message that asks for more than the host offers waits alone.
func TestRequireTLSIsTheMessagesOwnTrouble(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.play(func(_ string, to mail.Path) mail.Reply {
			if to.Local == "secret" {
				return mail.TLSFailed.With("mx.away.test", "unknown authority")
			}
			return taken
		})
		m := letter("secret@away.test")
		m.RequireTLS = true
		f.accept(m)
		f.run()
		f.pass(time.Second)
		f.accept(letter("bob@away.test"))
		f.pass(time.Second)
		if w := f.waiting(); !slices.Equal(w, []string{"secret@away.test 451"}) {
			t.Errorf("waiting: %q", w)
		}
	})
}

// The DNS is away for half a day: each sender is told once, nothing is given up,
// and all of it leaves when the DNS is back, at the latest with the longest wait.
func TestNetworkThatIsAway(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.play(func(destination string, _ mail.Path) mail.Reply { return mail.DNSTemporary.With(destination) })
		const messages, domains = 12, 4
		for i := range messages {
			f.accept(letter(fmt.Sprintf("u%d@d%d.test", i, i%domains)))
		}
		f.run()
		f.pass(12 * time.Hour)
		if in := f.inbox(); len(in) != messages || strings.Contains(strings.Join(in, ""), "Action: failed") {
			t.Errorf("%d notices for %d messages, or a failure among them", len(in), messages)
		}
		f.agent.says(taken)
		f.pass(5 * time.Hour)
		if w, in := f.waiting(), f.inbox(); len(w) != 0 || len(in) != messages {
			t.Errorf("%d wait, %d notices", len(w), len(in))
		}
	})
}

// Q9, Q11: a connection does not wait for the disk, but no more outcomes wait for
// it than there may be connections.
func TestDiskThatIsSlow(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.cfg.Connections = 3
		f.renew()
		f.agent.says(never)
		for range 12 {
			f.accept(returned("bob@away.test"))
		}
		f.disk.broken.Store(true) // reports cannot be placed: no outcome is entered
		f.run()
		f.pass(time.Minute)
		if n := len(f.agent.made("")); n < f.cfg.Connections || n > 2*f.cfg.Connections {
			t.Errorf("%d attempts without an outcome on disk", n)
		}
		f.disk.broken.Store(false)
		f.pass(5 * time.Minute)
		if n, in := len(f.agent.made("")), f.inbox(); n != 12 || len(in) != 12 {
			t.Errorf("%d attempts, %d reports", n, len(in))
		}
	})
}
