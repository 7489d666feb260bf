package queue_test

import (
	"strings"
	"testing"
	"time"

	"posthorn/mail"
)

// Our address is blocked: mail waits for a day, one message asks every quarter of
// an hour, the administrator is told once, and what waits goes when one is taken.
func TestBlockedAddress(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.accounts["postmaster"] = f.alice.ID
		f.agent.play(func(string, mail.Path) mail.Reply {
			return mail.Reply{Code: 554, X: mail.EnhancedCode{5, 7, 1}, Text: "Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org"}
		})
		f.run()
		for range 5 {
			f.accept(letter("bob@away.test"))
			f.pass(time.Second)
		}
		f.pass(3 * time.Hour)
		in := f.inbox()
		if len(in) != 1 {
			f.Fatalf("%d letters, want one to the administrator: %q", len(in), in)
		}
		for _, want := range []string{
			"Subject: away.test blocks our address\r\n", "\r\n    554 5.7.1 Service unavailable; Client host [203.0.113.9] ",
			"Our address 203.0.113.9 is blocked.", "The list is Spamhaus.", "https://check.spamhaus.org/", "asks again every 15", "more than 24 hours",
		} {
			if !strings.Contains(unwrapped(in[0]), want) {
				f.Errorf("without %q:\n%s", want, in[0])
			}
		}
		if n := len(f.agent.made("away.test")); n < 10 || n > 20 {
			f.Errorf("%d attempts in three hours, want one each 15 minutes", n)
		}
		f.agent.play(nil)
		f.pass(4 * time.Hour)
		if w := f.waiting(); len(w) != 0 {
			f.Errorf("waiting when the block was over: %q", w)
		}
	})
}

// A block that lasts fails the message after a day, and its report says so with
// the remote server's own code.
func TestBlockedForADay(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.play(func(string, mail.Path) mail.Reply {
			return mail.Reply{Code: 550, X: mail.EnhancedCode{5, 7, 606}, Text: "Access denied, banned sending IP [203.0.113.9]"}
		})
		f.run()
		f.accept(letter("bob@away.test"))
		f.pass(23 * time.Hour)
		if w := f.waiting(); len(w) != 1 {
			f.Fatalf("waiting after 23 hours: %q", w)
		}
		f.pass(2 * time.Hour)
		if w := f.waiting(); len(w) != 0 {
			f.Errorf("waiting after 25 hours: %q", w)
		}
		in := f.inbox()
		last := in[len(in)-1]
		if !strings.Contains(last, "Action: failed\r\nStatus: 5.7.606\r\n") {
			f.Errorf("the report:\n%s", last)
		}
	})
}

// A refused login tells the administrator once, and nobody's message fails.
func TestRefusedLogin(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.accounts["postmaster"] = f.alice.ID
		f.agent.play(func(string, mail.Path) mail.Reply { return mail.SmarthostLogin.With("smart.test") })
		f.run()
		f.accept(letter("bob@away.test"))
		f.pass(3 * time.Hour)
		in := f.inbox()
		if len(in) != 1 || !strings.Contains(in[0], "Subject: away.test refuses our login\r\n") || len(f.waiting()) != 1 {
			f.Errorf("waiting %q, inbox %q", f.waiting(), in)
		}
	})
}

func unwrapped(s string) string { return strings.ReplaceAll(s, "\r\n", " ") + s }
