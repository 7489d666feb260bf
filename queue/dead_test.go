package queue_test

import (
	"fmt"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// spool puts n messages to a destination into the queue, as Accept does, a
// hundred in a commit.
func (f *fixture) spool(n int, destination string) {
	f.Helper()
	for n > 0 {
		var c store.Change
		for range min(n, 100) {
			m := letter(fmt.Sprintf("u%d@%s", n, destination))
			blob, err := f.st.Put(f.Context(), m)
			if err != nil {
				f.Fatal(err)
			}
			c.Spool = append(c.Spool, store.Spooled{Blob: blob, QueueID: m.QueueID, Envelope: m.Envelope, Origin: m.Origin, Expires: time.Now().Add(5 * 24 * time.Hour),
				Deliveries: []store.NewDelivery{{Recipient: m.To[0], Destination: destination}}})
			n--
		}
		if _, err := f.st.Commit(f.Context(), c); err != nil {
			f.Fatal(err)
		}
	}
}

// Q8: 5,000 messages to a host that does not answer, and then one to each of ten
// that do, before, while and after the dead one is found dead: none waits for a
// second. bench/relaydead.go measures the same with real connections.
func TestDeadDestinationDelaysNobody(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.play(func(destination string, _ mail.Path) mail.Reply {
			if destination == "dead.test" {
				return noAnswer
			}
			return taken
		})
		f.agent.wait = func(destination string) time.Duration {
			if destination == "dead.test" {
				return 30 * time.Second
			}
			return 0
		}
		f.spool(5000, "dead.test")
		f.run()
		for i := range 10 {
			f.pass(7 * time.Second)
			sent := time.Now()
			live := fmt.Sprintf("live%d.test", i)
			f.accept(letter("bob@" + live))
			f.pass(time.Second)
			if made := f.agent.made(live); len(made) != 1 || made[0].at.Sub(sent) > time.Second {
				t.Errorf("%s: %v after it was sent", live, made)
			}
		}
		if n := len(f.agent.made("dead.test")); n > 4 {
			t.Errorf("%d attempts at the dead one", n)
		}
	})
}

// Q8: destinations that never answer do not fill the memory that others need.
func TestSilentDestinationsLeaveRoom(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.q.SetLimits(200, 100)
		f.agent.wait = func(destination string) time.Duration {
			if destination == "live.test" {
				return 0
			}
			return time.Hour
		}
		for i := range 4 {
			f.spool(300, fmt.Sprintf("silent%d.test", i))
		}
		f.run()
		f.pass(time.Second)
		f.accept(letter("bob@live.test"))
		f.pass(time.Second)
		if n := len(f.agent.made("live.test")); n != 1 {
			t.Errorf("%d attempts at the live one", n)
		}
	})
}
