package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/queue"
	"posthorn/store"
)

// hold sets a hold as an administrator does.
func (f *fixture) hold(kind store.HoldKind, what string) {
	f.Helper()
	if err := f.q.Hold(f.Context(), store.Hold{Kind: kind, What: what, Reason: "to look at it", By: store.ByAdmin}); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) release(kind store.HoldKind, what string) {
	f.Helper()
	if err := f.q.Release(f.Context(), kind, what); err != nil {
		f.Fatal(err)
	}
}

// holds are the holds, in words.
func (f *fixture) holds() (all []string) {
	f.Helper()
	holds, err := f.q.Holds(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	for _, h := range holds {
		all = append(all, fmt.Sprintf("%s %s by %s: %s", h.Kind, h.What, h.By, h.Reason))
	}
	return all
}

// Q13: what a hold fits is not tried, whether it waited or comes later, and also
// after a restart; when the hold ends it goes on at once.
func TestHolds(t *testing.T) {
	for _, tt := range []struct {
		kind store.HoldKind
		what string
		free []string // who gets mail nevertheless
	}{
		{store.HoldAll, "", nil},
		{store.HoldDestination, "away.test", []string{"carol@far.test", "carol@far.test"}},
		{store.HoldSender, "Alice@HERE.test", nil},
		{store.HoldSender, "here.test", nil},
		{store.HoldSender, "bob@here.test", []string{"bob@away.test", "carol@far.test", "bob@away.test", "carol@far.test"}},
	} {
		t.Run(fmt.Sprint(tt.kind, tt.what), func(t *testing.T) {
			inTime(t, func(f *fixture) {
				f.accept(letter("bob@away.test", "carol@far.test"))
				f.hold(tt.kind, tt.what)
				f.run()
				f.pass(time.Minute)
				f.accept(letter("bob@away.test", "carol@far.test"))
				f.pass(time.Hour)
				f.reopen(24 * time.Hour)
				f.run()
				f.pass(6 * time.Hour)
				if got := f.delivered(); !slices.Equal(got, sorted(tt.free)) {
					t.Errorf("while it is held: %q", got)
				}
				f.release(tt.kind, tt.what)
				f.pass(time.Second)
				if got := f.delivered(); len(got) != 4 {
					t.Errorf("when it is released: %q", got)
				}
				if w, in := f.waiting(), f.inbox(); len(w)+len(in) != 0 {
					t.Errorf("got %q %q", w, in)
				}
			})
		})
	}
}

func TestHoldOfOneMessage(t *testing.T) {
	inTime(t, func(f *fixture) {
		held, other := letter("bob@away.test"), letter("carol@away.test")
		f.accept(held)
		f.accept(other)
		f.hold(store.HoldItem, strings.ToLower(held.QueueID))
		f.run()
		f.pass(time.Hour)
		if got := f.delivered(); !slices.Equal(got, []string{"carol@away.test"}) {
			t.Errorf("delivered %q", got)
		}
		f.release(store.HoldItem, held.QueueID)
		f.pass(time.Second)
		if got := f.delivered(); len(got) != 2 {
			t.Errorf("delivered %q", got)
		}
		if err := f.q.Hold(f.Context(), store.Hold{Kind: store.HoldItem, What: held.QueueID, By: store.ByAdmin}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a hold of what has gone: %v", err)
		}
		if err := f.q.Hold(f.Context(), store.Hold{Kind: store.HoldSender, What: "a b@c", By: store.ByAdmin}); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("a hold of no address: %v", err)
		}
	})
}

// Q13: a hold that ends by itself does so on time, also where nothing else
// happens.
func TestHoldUntil(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.run()
		for _, kind := range []store.HoldKind{store.HoldAll, store.HoldDestination} {
			h := store.Hold{Kind: kind, Reason: "until the move is over", By: store.ByAdmin, Until: time.Now().Add(3 * time.Hour)}
			if kind == store.HoldDestination {
				h.What = "away.test"
			}
			if err := f.q.Hold(f.Context(), h); err != nil {
				t.Fatal(err)
			}
			f.accept(letter("bob@away.test"))
			f.pass(3*time.Hour - time.Second)
			before := len(f.delivered())
			f.pass(3 * time.Second)
			if after := len(f.delivered()); after != before+1 {
				t.Errorf("%s: %d delivered before, %d after", kind, before, after)
			}
		}
	})
}

// What the scheduler has claimed already and not begun is held as well.
func TestHoldOfWhatIsClaimed(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.delay = time.Minute
		for range 10 {
			f.accept(letter("bob@away.test"))
		}
		f.accept(letter("carol@far.test"))
		f.run()
		f.pass(time.Second)
		f.hold(store.HoldDestination, "away.test")
		f.pass(time.Hour)
		if got := f.delivered(); len(got) != 3 { // two had begun
			t.Errorf("delivered %q", got)
		}
		f.release(store.HoldDestination, "away.test")
		f.pass(time.Hour)
		if got := f.delivered(); len(got) != 11 {
			t.Errorf("delivered %q", got)
		}
	})
}

// Q14: a destination that says "too much" gets one message a minute for an hour,
// and no other is any slower.
func TestPace(t *testing.T) {
	inTime(t, func(f *fixture) {
		flood := mail.Reply{Code: 421, X: mail.EnhancedCode{4, 7, 28}, Text: "Unusual rate"}
		f.agent.play(func(destination string, to mail.Path) mail.Reply {
			if to.Local == "first" {
				return flood
			}
			return taken
		})
		f.accept(letter("first@busy.test"))
		f.run()
		f.pass(time.Second)
		if h := f.holds(); len(h) != 1 || !strings.HasPrefix(h[0], "destination busy.test by program: 421 4.7.28") {
			t.Errorf("holds %q", h)
		}
		f.agent.says(taken)
		const many = 200
		for range many {
			f.accept(letter("bob@busy.test"))
		}
		f.accept(letter("carol@other.test"))
		f.pass(time.Second)
		if n := len(f.agent.made("other.test")); n != 1 {
			t.Errorf("%d attempts at the other", n)
		}
		f.reopen(0)
		f.run()
		f.pass(50 * time.Minute)
		if n := len(f.agent.made("busy.test")) - 1; n < 45 || n > 55 {
			t.Errorf("%d attempts in fifty minutes", n)
		}
		made := f.agent.made("busy.test")
		for i := 2; i < len(made); i++ {
			if gap := made[i].at.Sub(made[i-1].at); gap < 50*time.Second {
				t.Errorf("attempt %d came after %s", i, gap)
			}
		}
		f.pass(15 * time.Minute)
		if w := f.waiting(); len(w) != 0 || len(f.holds()) != 0 {
			t.Errorf("after the hour %d wait, holds %q", len(w), f.holds())
		}
	})
}

// Q15: a destination that blocks our address is asked by one message each quarter
// of an hour; the rest waits, its senders are told after four hours, and all
// leaves when one is taken.
func TestBlockedDestinationIsProbed(t *testing.T) {
	inTime(t, func(f *fixture) {
		block := mail.Reply{Code: 550, X: mail.EnhancedCode{5, 7, 606}, Text: "Access denied, banned sending IP"}
		f.agent.says(block)
		const many = 30
		for i := range many {
			f.accept(letter(fmt.Sprintf("u%d@away.test", i)))
		}
		f.run()
		f.pass(3 * time.Hour)
		if n := len(f.agent.made("")); n < 10 || n > 16 {
			t.Errorf("%d attempts in three hours", n)
		}
		f.pass(2 * time.Hour)
		if in := f.inbox(); len(in) != many || !strings.Contains(in[0], "Action: delayed") {
			t.Errorf("%d notices", len(in))
		}
		f.agent.says(taken)
		f.pass(16 * time.Minute)
		// Those that have just asked have a time of their own.
		if w, h := f.waiting(), f.holds(); len(w) > many/4 || len(h) != 0 {
			t.Errorf("after it takes mail again: %d wait, holds %q", len(w), h)
		}
		f.pass(4 * time.Hour)
		if w := f.waiting(); len(w) != 0 {
			t.Errorf("%d wait", len(w))
		}
	})
}

// What the owner of one mailbox has his server say holds nobody else's mail to that
// server, and ends none of it before its time.
func TestOneMailboxHoldsNobodyElse(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.play(func(_ string, to mail.Path) mail.Reply {
			switch to.Local {
			case "eve":
				return mail.Reply{Code: 550, X: mail.EnhancedCode{5, 7, 1}, Text: "Client host blocked using zen.spamhaus.org"}
			case "carol":
				return mail.Reply{Code: 450, X: mail.EnhancedCode{4, 2, 0}, Text: "Mailbox busy"}
			}
			return taken
		})
		f.accept(letter("carol@away.test"))
		f.accept(letter("bob@away.test"))
		f.run()
		f.pass(time.Minute)
		for range 60 {
			f.accept(letter("bob@away.test"))
			f.accept(letter("eve@away.test"))
			f.pass(25 * time.Minute)
			if h := f.holds(); len(h) != 0 {
				t.Fatalf("holds %q", h)
			}
		}
		for _, m := range f.inbox() {
			if strings.Contains(m, "Action: failed") && strings.Contains(m, "carol@away.test") {
				t.Errorf("she did not refuse it:\n%s", m)
			}
		}
		if w := f.waiting(); !strings.Contains(strings.Join(w, " "), "carol@") {
			t.Error("the mail to carol waits no more")
		}
	})
}

// An administrator who had our address taken off the list need not wait for the
// next probe: a retry asks at once, also when what is retried is held itself.
func TestRetryProbes(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(mail.Reply{Code: 550, X: mail.EnhancedCode{5, 7, 606}, Text: "Access denied, banned sending IP"})
		for i := range 10 {
			f.accept(letter(fmt.Sprintf("u%d@away.test", i)))
		}
		f.run()
		f.pass(20 * time.Minute)
		f.agent.says(taken)
		f.pass(time.Minute)
		if h := f.holds(); len(h) != 1 {
			t.Fatalf("holds %q", h)
		}
		if _, err := f.q.Act(f.Context(), queue.ActRetry, store.Filter{Destination: "away.test"}, 0); err != nil {
			t.Fatal(err)
		}
		f.pass(5 * time.Second)
		if w, h := f.waiting(), f.holds(); len(w) > 2 || len(h) != 0 {
			t.Errorf("after a retry: %d wait, holds %q", len(w), h)
		}
	})
}

// Q15: where it goes on for a day the messages come to their end.
func TestBlockedDestinationIsGivenUp(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(mail.Reply{Code: 550, X: mail.EnhancedCode{5, 7, 606}, Text: "Access denied, banned sending IP"})
		const many = 10
		for i := range many {
			f.accept(letter(fmt.Sprintf("u%d@away.test", i)))
		}
		f.run()
		f.pass(24*time.Hour - time.Minute)
		if w := f.waiting(); len(w) != many {
			t.Errorf("%d wait after a day", len(w))
		}
		f.pass(12 * time.Hour)
		failed := 0
		for _, m := range f.inbox() {
			if strings.Contains(m, "Action: failed") {
				failed++
			}
		}
		if w := f.waiting(); len(w) != 0 || failed != many {
			t.Errorf("%d wait, %d reports", len(w), failed)
		}
	})
}

// delivered are the recipients that the agent was given, in order of their names.
func (f *fixture) delivered() (all []string) {
	for _, a := range f.agent.made("") {
		all = append(all, a.to...)
	}
	return sorted(all)
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}
