package queue_test

import (
	"testing"
	"time"

	"posthorn/mail"
)

// What the scheduler knows can be asked for, and asking it hangs nobody when it
// does not run.
func TestDestinations(t *testing.T) {
	inTime(t, func(f *fixture) {
		if all, err := f.q.Destinations(f.Context()); len(all) != 0 || err != nil {
			t.Errorf("before it runs: %v, %v", all, err)
		}
		f.agent.play(func(destination string, _ mail.Path) mail.Reply {
			if destination == "dead.test" {
				return noAnswer
			}
			return taken
		})
		f.agent.wait = func(destination string) time.Duration {
			if destination == "slow.test" {
				return time.Minute
			}
			return 0
		}
		f.accept(letter("bob@dead.test"))
		for range 5 {
			f.accept(letter("bob@slow.test"))
		}
		f.run()
		f.pass(time.Second)
		all, err := f.q.Destinations(f.Context())
		if err != nil || len(all) != 2 {
			t.Fatalf("got %+v, %v", all, err)
		}
		if d := all[0]; d.Name != "dead.test" || d.Trouble.Reply.Code != 451 || !d.Till.After(time.Now()) || d.Running+d.Waiting != 0 {
			t.Errorf("the dead one: %+v", d)
		}
		if d := all[1]; d.Name != "slow.test" || d.Trouble.Reply.Code != 0 || d.Running != 2 || d.Waiting != 3 || d.Window != 2 {
			t.Errorf("the slow one: %+v", d)
		}
		f.stop()
		if all, err := f.q.Destinations(f.Context()); len(all) != 0 || err != nil {
			t.Errorf("after it has run: %v, %v", all, err)
		}
	})
}
