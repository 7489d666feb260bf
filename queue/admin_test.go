package queue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/queue"
	"posthorn/store"
)

// act does something to one message.
func (f *fixture) act(act queue.Act, m *mail.Mail) (int, error) {
	items, err := f.q.Choose(f.Context(), []string{m.QueueID})
	if err != nil {
		return 0, err
	}
	step, err := f.q.Act(f.Context(), act, store.Filter{Items: items}, 0)
	return step.Done, err
}

func TestAdministration(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(noAnswer)
		kept, dropped := letter("bob@away.test"), letter("carol@away.test")
		f.accept(kept)
		f.accept(dropped)
		f.run()
		f.pass(time.Second)
		if n, err := f.act(queue.ActDrop, dropped); n != 1 || err != nil {
			t.Errorf("drop: %d, %v", n, err)
		}
		if _, err := f.q.Show(f.Context(), dropped.QueueID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("show of a dropped one: %v", err)
		}
		e, err := f.q.Show(f.Context(), strings.ToLower(kept.QueueID))
		if err != nil || len(e.Deliveries) != 1 || e.Deliveries[0].Attempts != 1 || len(e.Events) == 0 {
			t.Errorf("show: %+v, %v", e, err)
		}
		f.agent.says(taken)
		if n, err := f.act(queue.ActRetry, kept); n != 1 || err != nil {
			t.Errorf("retry: %d, %v", n, err)
		}
		f.pass(time.Second)
		if got, in := f.waiting(), f.inbox(); len(got)+len(in) != 0 {
			t.Errorf("after a retry: %q %q", got, in)
		}
	})
}

// A retry is tried by a scheduler, too, that looks for what is due in the same
// moment.
func TestRetryWhileTheQueueIsLookedAt(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.run()
		for range 40 {
			f.agent.says(noAnswer)
			m := letter("bob@away.test")
			f.accept(m)
			f.pass(time.Second)
			f.agent.says(taken)
			over := make(chan struct{})
			go func() {
				defer close(over)
				if n, err := f.act(queue.ActRetry, m); n != 1 || err != nil {
					t.Errorf("retry: %d, %v", n, err)
				}
			}()
			for looking := true; looking; {
				f.q.Nudge()
				select {
				case <-over:
					looking = false
				default:
				}
			}
			f.pass(time.Second)
			if got := f.waiting(); len(got) != 0 {
				t.Fatalf("after a retry: %q", got)
			}
		}
	})
}

// A message dropped while an attempt runs stays dropped, and the attempt's other
// recipients are settled.
func TestDropDuringAnAttempt(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.delay = time.Minute
		m := letter("bob@away.test", "carol@far.test")
		f.accept(m)
		f.run()
		f.pass(time.Second)
		if _, err := f.act(queue.ActDrop, m); err != nil {
			t.Fatal(err)
		}
		f.pass(time.Hour)
		if got, in := f.waiting(), f.inbox(); len(got)+len(in) != 0 {
			t.Errorf("got %q %q", got, in)
		}
	})
}

// What waits for its turn at a destination and is dropped or bounced meanwhile is not
// sent, also where its message goes on to others.
func TestEndedBeforeItsAttempt(t *testing.T) {
	for _, act := range []queue.Act{queue.ActDrop, queue.ActBounce} {
		t.Run(string(act), func(t *testing.T) {
			inTime(t, func(f *fixture) {
				f.agent.delay = time.Minute
				f.agent.play(func(destination string, _ mail.Path) mail.Reply {
					if destination == "far.test" {
						return later
					}
					return taken
				})
				for range 4 { // two of them run for a minute
					f.accept(letter("bob@away.test"))
				}
				m := letter("carol@away.test", "dan@far.test")
				f.accept(m)
				f.run()
				f.pass(time.Second)
				items, err := f.q.Choose(f.Context(), []string{m.QueueID})
				if err != nil {
					t.Fatal(err)
				}
				step, err := f.q.Act(f.Context(), act, store.Filter{Items: items, Destination: "away.test"}, 0)
				if err != nil || step.Done != 1 {
					t.Fatalf("%+v, %v", step, err)
				}
				f.pass(time.Hour)
				for _, a := range f.agent.made("away.test") {
					if a.to[0] != "bob@away.test" {
						t.Errorf("sent to %q", a.to)
					}
				}
				if made := f.agent.made("away.test"); len(made) != 4 {
					t.Errorf("%d attempts", len(made))
				}
				if w := f.waiting(); len(w) != 1 {
					t.Errorf("waiting: %q", w)
				}
			})
		})
	}
}

// What an administrator gives up comes back to its sender, in his words; what he
// drops does not.
func TestBounceTellsTheSenderAndDropDoesNot(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(noAnswer)
		bounced, dropped, stranger := letter("bob@away.test", "carol@away.test"), letter("dan@away.test"), fromStranger(false, "erin@away.test")
		for _, m := range []*mail.Mail{bounced, dropped, stranger} {
			f.accept(m)
		}
		f.run()
		f.pass(time.Second)
		for act, m := range map[queue.Act][]*mail.Mail{queue.ActBounce: {bounced, stranger}, queue.ActDrop: {dropped}} {
			for _, m := range m {
				if n, err := f.act(act, m); n != len(m.To) || err != nil {
					f.Errorf("%s: %d, %v", act, n, err)
				}
			}
		}
		f.pass(time.Second)
		in := f.inbox()
		if len(in) != 1 || !strings.Contains(in[0], "Action: failed") || !strings.Contains(in[0], "The administrator removed the message from the queue") ||
			!strings.Contains(in[0], "carol@away.test") {
			f.Errorf("reports: %q", in)
		}
		if got := f.waiting(); len(got) != 0 {
			f.Errorf("still waiting: %q", got)
		}
	})
}

// What is held by itself is not tried until it is let go, also when the scheduler
// had it in its hands.
func TestPauseAndResume(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(noAnswer)
		m := letter("bob@away.test")
		f.accept(m)
		f.run()
		f.pass(time.Second)
		if n, err := f.act(queue.ActHold, m); n != 1 || err != nil {
			f.Fatalf("hold: %d, %v", n, err)
		}
		f.agent.says(taken)
		f.pass(48 * time.Hour)
		if got := f.waiting(); len(got) != 1 || !strings.HasSuffix(got[0], "held") {
			f.Errorf("held for two days: %q", got)
		}
		if n, err := f.act(queue.ActRelease, m); n != 1 || err != nil {
			f.Errorf("resume: %d, %v", n, err)
		}
		f.pass(time.Second)
		if got, in := f.waiting(), f.inbox(); len(got)+len(in) != 0 {
			f.Errorf("after it: %q, %q", got, in)
		}
	})
}
