package queue_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

var (
	later    = mail.Reply{Code: 451, X: mail.EnhancedCode{4, 7, 1}, Text: "Come back later"}
	never    = mail.Reply{Code: 550, X: mail.EnhancedCode{5, 1, 1}, Text: "No such user"}
	taken    = mail.Reply{Code: 250, X: mail.EnhancedCode{2, 0, 0}, Text: "Taken"}
	noAnswer = mail.NoAnswer.With("mx.away.test [192.0.2.1]: connection refused")
)

// Q6: 5 minutes doubling to 4 hours, for five days, one delay notice after 4
// hours, then one report with the last words of the server.
func TestRetriesUntilTimeIsUp(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(later)
		start := time.Now()
		f.accept(letter("bob@away.test"))
		f.run()
		f.pass(4*time.Hour + time.Second)
		if in := f.inbox(); len(in) != 1 {
			t.Errorf("INBOX after four hours: %q", in)
		}
		f.pass(5 * 24 * time.Hour)
		made := f.agent.made("")
		if n := len(made); n < 30 || n > 45 {
			t.Errorf("%d attempts in five days", n)
		}
		for i := 1; i < min(len(made), 9); i++ {
			want := min(5*time.Minute<<(i-1), 4*time.Hour)
			if i == 6 {
				continue // it came sooner, to be news for the notice
			}
			if gap := made[i].at.Sub(made[i-1].at); gap < want*9/10 || gap > want*11/10 {
				t.Errorf("attempt %d after %v, want about %v", i+1, gap, want)
			}
		}
		if last := made[len(made)-1].at.Sub(start); last < 5*24*time.Hour || last > 5*24*time.Hour+5*time.Minute {
			t.Errorf("last attempt after %v", last)
		}
		in := f.inbox()
		if len(in) != 2 || !strings.Contains(in[0], "Action: delayed") || !strings.Contains(in[1], "Action: failed") {
			t.Fatalf("INBOX: %q", in)
		}
		for _, want := range []string{"Status: 4.4.7", "Diagnostic-Code: smtp; 451 4.7.1 Come back later"} {
			if !strings.Contains(in[1], want) {
				t.Errorf("the report has no %q:\n%s", want, in[1])
			}
		}
		if got := f.waiting(); len(got) != 0 {
			t.Errorf("waiting: %q", got)
		}
	})
}

// Q7: a clock that jumps makes everything old, but nothing tried.
func TestClockJumpGivesNothingUp(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.accept(letter("bob@away.test"))
		f.reopen(20 * 24 * time.Hour)
		f.agent.says(later)
		f.run()
		f.pass(time.Hour)
		if got := f.waiting(); len(got) != 1 {
			t.Errorf("waiting: %q", got)
		}
		f.agent.says(taken)
		f.pass(5 * time.Hour)
		if got := f.waiting(); len(got) != 0 {
			t.Errorf("waiting after the host came back: %q", got)
		}
	})
}

// Q7: a clock that was far ahead when a message was deferred, and is right again,
// does not keep it for as long.
func TestClockThatWasAhead(t *testing.T) {
	inTime(t, func(f *fixture) {
		m := letter("bob@away.test")
		f.accept(m)
		e, err := f.q.Show(f.Context(), m.QueueID)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.st.Retry(f.Context(), []store.DeliveryID{e.Deliveries[0].ID}, time.Now().Add(20*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		f.reopen(0)
		f.run()
		f.pass(time.Second)
		if w := f.waiting(); len(w) != 0 {
			t.Errorf("waiting: %q", w)
		}
	})
}

// Q7: nor do holds that the program set by it, and what they have kept.
func TestHoldByAClockThatWasAhead(t *testing.T) {
	inTime(t, func(f *fixture) {
		const ahead = 20 * 24 * time.Hour
		m := letter("bob@away.test")
		f.accept(m)
		h := store.Hold{Kind: store.HoldDestination, What: "away.test", By: store.ByProgram, Until: time.Now().Add(ahead), Every: ahead}
		if err := f.st.SetHold(f.Context(), h); err != nil {
			t.Fatal(err)
		}
		f.run()
		f.pass(time.Second)
		e, err := f.q.Show(f.Context(), m.QueueID)
		if err != nil || !e.Deliveries[0].Held {
			t.Fatalf("%+v, %v", e, err)
		}
		if err := f.st.Retry(f.Context(), []store.DeliveryID{e.Deliveries[0].ID}, time.Now().Add(ahead)); err != nil {
			t.Fatal(err)
		}
		f.reopen(0)
		f.run()
		f.pass(time.Hour + 2*time.Second)
		if w := f.waiting(); len(w) != 0 {
			t.Errorf("waiting: %q", w)
		}
	})
}

// Each recipient has an outcome of its own; one report for all that failed; none
// that was delivered is sent to again.
func TestMixedOutcomes(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.play(func(_ string, to mail.Path) mail.Reply {
			return map[string]mail.Reply{"ok": taken, "wait": later, "bad": never, "worse": never}[to.Local]
		})
		f.accept(letter("ok@away.test", "wait@away.test", "bad@away.test", "worse@away.test"))
		f.run()
		f.pass(time.Minute)
		in := f.inbox()
		if len(in) != 1 || strings.Count(in[0], "Action: failed") != 2 || strings.Contains(in[0], "Final-Recipient: rfc822; ok@away.test") ||
			!strings.Contains(in[0], "The message did reach:\r\n\r\n    ok@away.test\r\n") ||
			!strings.Contains(in[0], "The message is still on its way to:\r\n\r\n    wait@away.test\r\n") {
			t.Errorf("INBOX: %q", in)
		}
		f.agent.says(taken)
		f.pass(time.Hour)
		made := f.agent.made("")
		if len(made) != 2 || !slices.Equal(made[1].to, []string{"wait@away.test"}) {
			t.Errorf("attempts: %+v", made)
		}
	})
}

// A server's limit of recipients is no failure: the rest go at once.
func TestTooManyRecipientsIsASplit(t *testing.T) {
	inTime(t, func(f *fixture) {
		first := true
		f.agent.play(func(_ string, to mail.Path) mail.Reply {
			if to.Local == "b" && first {
				first = false
				return mail.Reply{Code: 552, X: mail.EnhancedCode{5, 5, 3}, Text: "Too many recipients"}
			}
			return taken
		})
		f.accept(letter("a@away.test", "b@away.test"))
		f.run()
		f.pass(time.Second)
		if made, in := f.agent.made(""), f.inbox(); len(made) != 2 || len(in) != 0 {
			t.Errorf("got %+v %q", made, in)
		}
	})
}

// Q8: a dead destination is asked by one and holds up nobody.
func TestDeadDestinationBlocksNoOther(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.delay = 30 * time.Second // the time a connection takes to fail
		f.agent.play(func(destination string, _ mail.Path) mail.Reply {
			if destination == "dead.test" {
				return noAnswer
			}
			return taken
		})
		const many = 60
		for i := range many {
			f.accept(letter(fmt.Sprintf("u%d@dead.test", i)))
		}
		f.accept(letter("bob@live.test"))
		start := time.Now()
		f.run()
		f.pass(31 * time.Second)
		if made := f.agent.made("live.test"); len(made) != 1 || made[0].at.Sub(start) > time.Second {
			t.Errorf("the live one: %+v", made)
		}
		f.pass(30 * time.Second)
		if n := len(f.agent.made("dead.test")); n > 2 {
			t.Errorf("%d attempts at a dead destination", n)
		}
		f.pass(4 * time.Hour)
		if n := len(f.agent.made("dead.test")); n > 20 {
			t.Errorf("%d attempts in four hours", n)
		}
		f.agent.says(taken)
		f.pass(5 * time.Hour)
		if got := f.waiting(); len(got) != 0 {
			t.Errorf("%d wait after it came back", len(got))
		}
		if n := len(f.agent.made("dead.test")); n < many {
			t.Errorf("%d attempts delivered %d messages", n, many)
		}
	})
}

// More than memory is meant for waits in the store, and neither a dead
// destination's surplus nor a full backlog stops the rest.
func TestMemoryIsBounded(t *testing.T) {
	for name, limits := range map[string][2]int{"backlog": {5, 100}, "unproven": {1000, 5}} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(f *fixture) {
				f.q.SetLimits(limits[0], limits[1])
				f.agent.delay = 10 * time.Second
				f.agent.play(func(destination string, _ mail.Path) mail.Reply {
					if destination == "dead.test" {
						return noAnswer
					}
					return taken
				})
				for i := range 40 {
					f.accept(letter(fmt.Sprintf("u%d@dead.test", i)))
				}
				f.accept(letter("bob@live.test"))
				f.run()
				f.pass(5 * time.Minute)
				if n := len(f.agent.made("live.test")); n != 1 {
					t.Errorf("%d attempts at the live one", n)
				}
				f.agent.says(taken)
				f.pass(12 * time.Hour)
				if w := f.waiting(); len(w) != 0 {
					t.Errorf("%d wait", len(w))
				}
			})
		})
	}
}

// Q9: attempts at a destination grow with its success and are bounded.
func TestConcurrencyFollowsSuccess(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.delay = time.Second
		for range 100 {
			f.accept(letter("bob@away.test"))
		}
		f.run()
		f.pass(time.Second / 2)
		if n := f.agent.atOnce("away.test"); n != 2 {
			t.Errorf("%d attempts at first", n)
		}
		f.pass(time.Minute)
		if n := f.agent.atOnce("away.test"); n != f.cfg.PerDestination {
			t.Errorf("%d attempts at most, want %d", n, f.cfg.PerDestination)
		}
		if got := f.waiting(); len(got) != 0 {
			t.Errorf("%d wait", len(got))
		}
	})
}

// Q5: what waits survives the end of the program; a claim does not outlive it.
func TestRestart(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(later)
		f.accept(letter("bob@away.test"))
		f.run()
		f.pass(time.Minute)
		if _, err := f.st.ClaimDue(f.Context(), time.Now().Add(time.Hour), time.Now().Add(24*time.Hour), store.Room{10, 10, 10}); err != nil {
			t.Fatal(err)
		}
		f.reopen(0)
		f.agent.says(taken)
		f.run()
		f.pass(10 * time.Minute)
		if got := f.waiting(); len(got) != 0 {
			t.Errorf("waiting: %q", got)
		}
	})
}

// Running attempts may finish when the program ends, for a while; what they did
// is entered, what was cut short is no outcome.
func TestStopDrains(t *testing.T) {
	for delay, want := range map[time.Duration]int{10 * time.Second: 0, time.Hour: 1} {
		t.Run(delay.String(), func(t *testing.T) {
			inTime(t, func(f *fixture) {
				f.agent.delay = delay
				f.accept(letter("bob@away.test"))
				f.run()
				f.pass(time.Second)
				start := time.Now()
				f.stop()
				if took := time.Since(start); took > time.Duration(f.cfg.Drain)+time.Second {
					t.Errorf("took %v", took)
				}
				entries, err := f.q.List(f.Context(), 0, 10)
				if err != nil || len(entries) != want {
					t.Fatalf("%d in the queue, %v", len(entries), err)
				}
				if want == 1 && entries[0].Deliveries[0].Attempts != 0 {
					t.Error("an attempt that was cut short counts")
				}
			})
		})
	}
}

// A mailbox here that is full when a report or an old delivery comes: it waits,
// and is placed later.
func TestLocalDeliveryThatHadToWait(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(never)
		f.mda.fault("alice", mail.MailboxFull.With("alice@here.test"))
		f.accept(letter("bob@away.test"))
		f.run()
		f.pass(time.Minute)
		if got := f.waiting(); !slices.Equal(got, []string{"alice@here.test 452"}) {
			t.Fatalf("waiting: %q", got)
		}
		f.mda.fault("alice", mail.Reply{})
		f.pass(time.Hour)
		if in := f.inbox(); len(in) != 1 || !strings.Contains(in[0], "bob@away.test") {
			t.Errorf("INBOX: %q", in)
		}
		if got := f.waiting(); len(got) != 0 {
			t.Errorf("waiting: %q", got)
		}
	})
}
