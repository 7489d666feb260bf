package queue_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/queue"
	"posthorn/store"
)

// refusing makes the agent refuse recipients whose name begins with "dead".
func refusing(f *fixture) {
	f.agent.mu.Lock()
	defer f.agent.mu.Unlock()
	f.agent.script = func(_ string, to mail.Path) mail.Reply {
		if strings.HasPrefix(to.Key().Local, "dead") {
			return mail.Reply{Code: 550, X: mail.EnhancedCode{5, 1, 1}, Text: "No such user"}
		}
		return mail.Reply{Code: 250, X: mail.EnhancedCode{2, 0, 0}, Text: "Ok"}
	}
}

// send sends a letter to n recipients, of whom so many in a hundred are dead.
func send(f *fixture, n, dead int) {
	f.Helper()
	var to []string
	for i := range n {
		name := "live"
		if i%100 < dead {
			name = "dead"
		}
		to = append(to, fmt.Sprintf("%s%d@away.test", name, i))
	}
	f.accept(letter(to...))
	f.pass(10 * time.Minute)
}

func (f *fixture) heldSenders() (all []string) {
	f.Helper()
	holds, err := f.q.Holds(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	for _, h := range holds {
		if h.Kind == store.HoldSender {
			all = append(all, h.What)
		}
	}
	return all
}

// A stolen password: mail to many dead addresses is stopped, the administrator is
// told, and a release begins to count anew.
func TestAccountThatIsRefusedIsHeld(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.accounts["postmaster"] = f.alice.ID
		refusing(f)
		f.run()
		for range 3 {
			send(f, 100, 40)
		}
		if got := f.heldSenders(); len(got) != 1 || got[0] != "alice@here.test" {
			f.Fatalf("held: %q", got)
		}
		send(f, 1, 0)
		if got := f.waiting(); len(got) == 0 {
			f.Error("mail of the held account went out")
		}
		var word string
		for _, m := range f.inbox() {
			if m = strings.Join(strings.Fields(m), " "); strings.Contains(m, "was its password stolen?") {
				word = m
			}
		}
		for _, want := range []string{"80 of 200 recipients", "40 of a hundred", "posthorn queue release --sender alice@here.test", "550 5.1.1 No such user"} {
			if !strings.Contains(word, want) {
				f.Errorf("the word to the administrator is without %q: %s", want, word)
			}
		}
		if n := f.letters("What you send to other mail servers waits for now"); n != 1 {
			f.Errorf("the owner got %d letters", n)
		}
		if err := f.q.Release(f.Context(), store.HoldSender, "alice@here.test"); err != nil {
			f.Fatal(err)
		}
		f.pass(time.Hour)
		if got, held := f.waiting(), f.heldSenders(); len(got)+len(held) != 0 {
			f.Errorf("after the release: waiting %q, held %q", got, held)
		}
		for range 3 {
			send(f, 100, 40)
		}
		if n := f.letters("The outgoing mail of"); len(f.heldSenders()) != 1 || n != 2 {
			f.Errorf("held again after its release on the same day: %q, %d letters in all", f.heldSenders(), n)
		}
	})
}

// A newsletter with dead addresses is not spam, nor a bad day with a few, nor what
// has always been so.
func TestAccountThatIsNotHeld(t *testing.T) {
	for name, c := range map[string]struct {
		letters, n, dead int
		settings         func(*queue.Config)
	}{
		"a newsletter":        {20, 100, 3, nil},
		"a few":               {1, 45, 100, nil},
		"it was switched off": {3, 100, 40, func(c *queue.Config) { c.HoldRefused = 0 }},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(f *fixture) {
				if c.settings != nil {
					c.settings(&f.cfg)
					f.renew()
				}
				refusing(f)
				f.run()
				for range c.letters {
					send(f, c.n, c.dead)
				}
				if got := f.heldSenders(); len(got) != 0 {
					f.Errorf("held: %q", got)
				}
			})
		})
	}
}

// What an account's mail has met with for a week is usual: three times as much is
// not.
func TestAccountThatIsRefusedMoreThanUsual(t *testing.T) {
	for name, c := range map[string]struct {
		before int // of a hundred
		held   int
	}{
		"as usual":              {20, 0},
		"less than three times": {11, 0},
		"more than that":        {9, 1},
		"never before":          {0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(f *fixture) {
				refusing(f)
				f.run()
				for range 2 {
					send(f, 100, c.before)
				}
				f.pass(26 * time.Hour)
				for range 2 {
					send(f, 100, 30)
				}
				if got := f.heldSenders(); len(got) != c.held {
					f.Errorf("held: %q", got)
				}
			})
		})
	}
}

// An address that refuses again and again is known, until it takes mail.
func TestFailingAddress(t *testing.T) {
	inTime(t, func(f *fixture) {
		refusing(f)
		f.run()
		for range 3 {
			f.accept(letter("Dead1@away.test", "live1@away.test"))
			f.pass(time.Minute)
		}
		failing, err := f.st.FailingAddresses(f.Context(), 3, 10)
		if err != nil || len(failing) != 1 || failing[0].Address != "dead1@away.test" || failing[0].Failures != 3 || failing[0].Login != "alice@here.test" || failing[0].Status != "550 5.1.1 No such user" {
			f.Errorf("failing: %+v, %v", failing, err)
		}
		f.agent.says(taken)
		f.accept(letter("dead1@away.test"))
		f.pass(time.Minute)
		if failing, err = f.st.FailingAddresses(f.Context(), 1, 10); err != nil || len(failing) != 0 {
			f.Errorf("after it took one: %+v, %v", failing, err)
		}
	})
}

// letters counts those in alice's INBOX whose subject has some words.
func (f *fixture) letters(subject string) (n int) {
	f.Helper()
	for _, m := range f.inbox() {
		for line := range strings.Lines(m) {
			if strings.HasPrefix(line, "Subject: ") && strings.Contains(line, subject) {
				n++
			}
		}
	}
	return n
}
