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

// order is the first letters of who was sent to, attempt by attempt.
func (f *fixture) order() string {
	var b strings.Builder
	for _, a := range f.agent.made("") {
		b.WriteByte(a.to[0][0])
	}
	return b.String()
}

// bulkLetter is one of a list.
func bulkLetter(field string, to ...string) *mail.Mail {
	m := letter(to...)
	m.Content = mail.Bytes(field + "\r\nSubject: News\r\n\r\nHello\r\n")
	return m
}

// Q16: what is bulk and what a report is told by the message.
func TestPriorityOfAMessage(t *testing.T) {
	var crowd []string
	for i := range 31 {
		crowd = append(crowd, fmt.Sprintf("u%d@away.test", i))
	}
	report := letter("bob@away.test")
	report.From = mail.Path{}
	for name, tt := range map[string]struct {
		m    *mail.Mail
		want store.Priority
	}{
		"a letter":           {letter("bob@away.test"), store.People},
		"to thirty":          {letter(crowd[:30]...), store.People},
		"to a crowd":         {letter(crowd...), store.Bulk},
		"List-Id":            {bulkLetter("List-Id: <x.example>", "bob@away.test"), store.Bulk},
		"List-Unsubscribe":   {bulkLetter("List-Unsubscribe: <mailto:x@example>", "bob@away.test"), store.Bulk},
		"Precedence":         {bulkLetter("precedence:  Bulk ", "bob@away.test"), store.Bulk},
		"another Precedence": {bulkLetter("Precedence: first-class", "bob@away.test"), store.People},
		"a report":           {report, store.Reports},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(f *fixture) {
				f.accept(tt.m)
				e, err := f.q.Show(f.Context(), tt.m.QueueID)
				if err != nil || e.Deliveries[0].Priority != tt.want {
					t.Errorf("got %d, %v", e.Deliveries[0].Priority, err)
				}
			})
		})
	}
}

// Q16: people come first at a destination, and what is last is not last for ever.
func TestPeopleComeFirst(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.delay = time.Second
		f.cfg.PerDestination = 1
		f.renew()
		for range 60 {
			f.accept(bulkLetter("Precedence: bulk", "bulk@away.test"))
		}
		report := letter("report@away.test")
		report.From = mail.Path{}
		f.accept(report)
		f.run()
		f.pass(10*time.Second + time.Second/2)
		for range 20 {
			f.accept(letter("person@away.test"))
		}
		f.pass(time.Hour)
		got := f.order()
		// Two or three begin before anybody else is there.
		begun := strings.IndexByte(got, 'p')
		rest := got[begun:]
		if begun > 13 || strings.Count(rest[:min(len(rest), 28)], "p") < 20 || strings.Count(rest[:24], "b") < 4 || !strings.Contains(got[:24+begun], "r") {
			t.Errorf("people came at %d: %s", begun, got)
		}
	})
}

// Q16: bulk mail to everywhere leaves connections and memory for people.
func TestBulkLeavesRoomForPeople(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.cfg.Connections = 10
		f.renew()
		f.q.SetLimits(40, 100)
		f.agent.delay = time.Minute
		for i := range 200 {
			f.accept(bulkLetter("List-Id: <x.example>", fmt.Sprintf("bulk@d%d.test", i)))
		}
		f.run()
		f.pass(time.Second)
		if n := f.agent.now(); n != 8 {
			t.Errorf("%d attempts at bulk mail, want 8", n)
		}
		start := time.Now()
		f.accept(letter("person@live.test"))
		f.pass(2 * time.Minute)
		if made := f.agent.made("live.test"); len(made) != 1 || made[0].at.Sub(start) > time.Second {
			t.Errorf("the person's: %+v", made)
		}
		f.pass(time.Hour)
		if w := f.waiting(); len(w) != 0 {
			t.Errorf("%d wait", len(w))
		}
	})
}

// Q8: however many destinations do not answer, they have a quarter of the
// connections, and a live one is served.
func TestManyDeadDestinations(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.cfg.Connections = 20
		f.renew()
		f.agent.play(func(destination string, _ mail.Path) mail.Reply {
			if strings.HasPrefix(destination, "dead") {
				return noAnswer
			}
			return taken
		})
		for i := range 100 {
			f.accept(letter(fmt.Sprintf("a@dead%d.test", i)))
		}
		f.run()
		f.pass(time.Minute)
		f.agent.mu.Lock()
		f.agent.delay = 2 * time.Minute // the time a connection takes to fail
		f.agent.mu.Unlock()
		f.pass(5 * time.Minute) // all are due again
		if n := f.agent.now(); n != 5 {
			t.Errorf("%d attempts at dead destinations, want 5", n)
		}
		start := time.Now()
		for i := range 10 {
			f.accept(letter(fmt.Sprintf("b@live%d.test", i)))
		}
		f.pass(3 * time.Minute)
		late := slices.DeleteFunc(f.agent.made(""), func(a attempt) bool {
			return !strings.HasPrefix(a.destination, "live") || a.at.Sub(start) < time.Second
		})
		if len(late) != 0 {
			t.Errorf("live ones were late: %v", late)
		}
		f.pass(24 * time.Hour)
		if n := len(f.agent.made("live3.test")); n != 1 {
			t.Errorf("%d attempts at a live one", n)
		}
	})
}
