package queue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"posthorn/store"
)

func TestAdministration(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(noAnswer)
		kept, dropped := letter("bob@away.test"), letter("carol@away.test")
		f.accept(kept)
		f.accept(dropped)
		f.run()
		f.pass(time.Second)
		if n, err := f.q.Drop(f.Context(), dropped.QueueID); n != 1 || err != nil {
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
		if n, err := f.q.Retry(f.Context(), kept.QueueID); n != 1 || err != nil {
			t.Errorf("retry: %d, %v", n, err)
		}
		f.pass(time.Second)
		if got, in := f.waiting(), f.inbox(); len(got)+len(in) != 0 {
			t.Errorf("after a retry: %q %q", got, in)
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
		if _, err := f.q.Drop(f.Context(), m.QueueID); err != nil {
			t.Fatal(err)
		}
		f.pass(time.Hour)
		if got, in := f.waiting(), f.inbox(); len(got)+len(in) != 0 {
			t.Errorf("got %q %q", got, in)
		}
	})
}
