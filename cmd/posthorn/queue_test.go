package main

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"posthorn/relay"
)

// startWaiting has mail that waits: from two senders, to two destinations that
// nobody answers for.
func startWaiting(t *testing.T, start bool) *server {
	t.Helper()
	edit := func(c *Config) {
		c.Route = []relay.Route{{Domain: "dead.example", Via: "127.0.0.1:1"}, {Domain: "gone.example", Via: "127.0.0.1:2"}}
	}
	s := &server{file: testConfig(t, edit), addr: map[string]string{}, log: &logBuffer{}}
	if start {
		s = startServer(t, edit)
	}
	s.verb(t, exitDone, "", "domain", "add", "example.test", "--admin", "you@example.test")
	s.verb(t, exitDone, "secret\n", "user", "add", "you@example.test", "--password-stdin")
	for _, m := range []string{"you@example.test a@dead.example b@dead.example", "you@example.test c@gone.example", "list@example.test d@dead.example"} {
		to := strings.Fields(m)
		s.verb(t, exitDone, "text\n", append([]string{"sendmail", "-f"}, to...)...)
	}
	if start {
		s.waitTried(t, 4)
	}
	return s
}

// waitTried waits until so many deliveries were tried once.
func (s *server) waitTried(t *testing.T, want int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if len(s.waiting(t, "--failed-attempts", "1")) == want {
			return
		}
	}
	t.Fatalf("not all was tried: %s", s.verb(t, exitDone, "", "queue", "list"))
}

// waiting are the recipients that a choice of `queue list` gives.
func (s *server) waiting(t *testing.T, choice ...string) (to []string) {
	t.Helper()
	var items []itemFacts
	s.decode(t, &items, append([]string{"queue", "list"}, choice...)...)
	for _, it := range items {
		for _, d := range it.Deliveries {
			to = append(to, d.To)
		}
	}
	return to
}

// Filters choose the same for every verb, with a server and without.
func TestQueueChoice(t *testing.T) {
	for name, running := range map[string]bool{"asked of the server": true, "on the folder directly": false} {
		t.Run(name, func(t *testing.T) {
			s := startWaiting(t, running)
			for choice, want := range map[string]string{
				"":                                "a@dead.example b@dead.example c@gone.example d@dead.example",
				"--from you@Example.test":         "a@dead.example b@dead.example c@gone.example",
				"--sender list@example.test":      "d@dead.example",
				"--from example.test --older 1d":  "",
				"--newer 1h":                      "a@dead.example b@dead.example c@gone.example d@dead.example",
				"--to B@dead.example":             "b@dead.example",
				"--domain Dead.Example":           "a@dead.example b@dead.example d@dead.example",
				"--domain dead.example --from <>": "",
				"--held":                          "",
				"--limit 1":                       "a@dead.example b@dead.example",
			} {
				if got := strings.Join(s.waiting(t, strings.Fields(choice)...), " "); got != want {
					t.Errorf("%s: %s, want %s", choice, got, want)
				}
			}
			var first []itemFacts
			s.decode(t, &first, "queue", "list", "--limit", "1")
			if got := strings.Join(s.waiting(t, "--after", strconv.FormatInt(int64(first[0].Cursor), 10)), " "); got != "c@gone.example d@dead.example" {
				t.Errorf("the next page: %s", got)
			}
			if got := strings.Join(s.waiting(t, strings.ToLower(first[0].QueueID), "--to", "a@dead.example"), " "); got != "a@dead.example" {
				t.Errorf("by id and recipient: %s", got)
			}
			if running {
				golden(t, "queue-list", withoutDue(s.verb(t, exitDone, "", "queue", "list")))
				golden(t, "queue-groups", withoutSpaces(withoutDue(s.verb(t, exitDone, "", "queue", "list", "--by", "destination"))))
			}
		})
	}
}

// withoutDue takes out the times that have no date.
func withoutDue(s string) string {
	return duePattern.ReplaceAllString(s, "$1 HH:MM:SS")
}

// withoutSpaces makes columns independent of how wide their times are.
func withoutSpaces(s string) string {
	return spacesPattern.ReplaceAllString(s, " | ")
}

func TestQueueActs(t *testing.T) {
	for name, running := range map[string]bool{"asked of the server": true, "on the folder directly": false} {
		t.Run(name, func(t *testing.T) {
			s := startWaiting(t, running)
			for _, step := range []struct {
				args string
				exit int
				want string
				left string // recipients that wait and are not held
			}{
				{"queue drop --to a@dead.example", 2, "use --yes", "a b c d"},
				{"queue drop --to a@dead.example --yes", 0, "dropped: 1 delivery", "b c d"},
				{"queue drop --to a@dead.example --yes", 0, "dropped: 0 deliveries", "b c d"},
				{"queue hold --sender list@example.test --because spam --for 2h", 0, "sender list@example.test is held for another", "b c"},
				{"queue holds", 0, "sender  list@example.test  admin", "b c"},
				{"queue retry --to nobody@dead.example", 0, "What is held waits all the same", "b c"},
				{"queue list --to nobody@dead.example", 0, "nothing that waits is like that", "b c"},
				{"queue hold --reason nothing --for 2h", 2, "--because and --for go with", "b c"},
				{"queue hold --to b@dead.example", 0, "held: 1 delivery", "c"},
				{"queue release --to b@dead.example", 0, "released: 0 holds, and 1 delivery", "b c"},
				{"queue release --sender list@example.test", 0, "released: 1 hold", "b c d"},
				{"queue release --sender list@example.test", 1, "nothing of that is held", "b c d"},
				{"queue hold --all", 0, "everything is held", ""},
				{"queue release --all", 0, "released: 1 hold", "b c d"},
				{"queue hold NOTHING", 1, "there is no message NOTHING in the queue", "b c d"},
				{"queue bounce --domain gone.example --yes", 0, "given up: 1 delivery", "b d"},
				{"queue retry", 2, "--all", "b d"},
				{"queue retry --all --domain x.y", 2, "or all of them with --all", "b d"},
				{"queue retry --domain x.y", 0, "tried again: 0 deliveries", "b d"},
				{"queue list --by age --held", 0, "the queue is empty", "b d"},
				{"queue list --by sender --to d@dead.example", 0, "list@example.test", "b d"},
				{"queue list --by destination --domain dead.example", 0, "127.0.0.1:1", "b d"},
				{"queue list --by colour", 2, "--by is destination, sender, reason or age", "b d"},
				{"queue list --by sender", 0, "you@example.test", "b d"},
				{"queue list --by age", 0, "under 5 minutes  2", "b d"},
				{"queue list --by reason", 0, "2  ", "b d"},
				{"queue list --older tomorrow", 2, "--older: ", "b d"},
				{"queue drop --all --yes", 0, "dropped: 2 deliveries", ""},
				{"queue list --by destination", 0, "the queue is empty", ""},
			} {
				out := s.verb(t, step.exit, "", strings.Fields(step.args)...)
				if !strings.Contains(out, step.want) {
					t.Errorf("posthorn %s printed\n%s\nwithout %q", step.args, out, step.want)
				}
				if got := s.free(t); got != step.left {
					t.Errorf("after posthorn %s: %q, want %q", step.args, got, step.left)
				}
			}
			var u userFacts
			s.decode(t, &u, "user", "show", "you@example.test")
			if u.Used.Messages != 1 {
				t.Errorf("%d reports, want that about what was given up", u.Used.Messages)
			}
		})
	}
}

// free are the local parts of those who wait and are not held.
func (s *server) free(t *testing.T) string {
	t.Helper()
	var items []itemFacts
	s.decode(t, &items, "queue", "list")
	var all []string
	for _, it := range items {
		for _, d := range it.Deliveries {
			if !d.Held {
				all = append(all, d.To[:1])
			}
		}
	}
	return strings.Join(all, " ")
}

// A person is asked before much is lost, and sees how it goes.
func TestQueueDropAsks(t *testing.T) {
	s := startWaiting(t, false)
	for answer, want := range map[string]int{"no": exitFailed, "drop": exitDone} {
		p := startOnTerminal(t, "--config", s.file, "queue", "drop", "--domain", "dead.example")
		p.see(t, "This drops 3 deliveries, and tells nobody. Type drop to go on: ")
		fmt.Fprintln(p.person, answer)
		if code := p.end(t); code != want {
			t.Errorf("%s: exit %d, want %d", answer, code, want)
		}
		if answer == "no" {
			if got := s.free(t); !strings.HasPrefix(got, "a b") {
				t.Errorf("after no: %s", got)
			}
		}
	}
}

func TestBar(t *testing.T) {
	var out strings.Builder
	b := bar{w: &out, total: 200, began: time.Now().Add(-time.Minute)}
	b.show(50)
	b.show(60) // too soon after
	b.end()
	if got, want := out.String(), "\r[#######                       ] 50 of 200 \r\x1b[K"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
