package queue_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/queue"
)

var blocked = queue.Notice{
	Kind: "blocked", Key: "away.test", Subject: "away.test refuses our mail",
	Text: "The mail servers of away.test have our address on a list of senders that they block, and take nothing from us.\n\n    550 5.7.1 blocked\n\nMail for them waits.",
}

// The administrator is told once a day, also by a program that was started anew.
func TestNoticeIsGivenOnceADay(t *testing.T) {
	inTime(t, func(f *fixture) {
		notify := func(n queue.Notice) {
			f.Helper()
			if err := f.q.Notify(f.Context(), n); err != nil {
				f.Fatal(err)
			}
		}
		f.mda.accounts["postmaster"] = f.alice.ID
		for range 3 {
			notify(blocked)
		}
		f.reopen(23 * time.Hour)
		notify(blocked)
		if n := len(f.inbox()); n != 1 {
			f.Fatalf("%d letters on the first day", n)
		}
		f.pass(2 * time.Hour)
		notify(blocked)
		all := f.inbox()
		if len(all) != 2 {
			f.Fatalf("%d letters on the second", len(all))
		}
		for _, want := range []string{
			"Return-Path: <>\r\n", "From: Mail Delivery System <MAILER-DAEMON@mx.here.test>\r\n", "To: postmaster@mx.here.test\r\n",
			"Subject: away.test refuses our mail\r\n", "Auto-Submitted: auto-generated\r\n",
			"\r\nThe mail servers of away.test have our address on a list of senders that\r\nthey block, and take nothing from us.\r\n\r\n    550 5.7.1 blocked\r\n\r\nMail for them waits.\r\n",
		} {
			if !strings.Contains(all[1], want) {
				f.Errorf("without %q:\n%s", want, all[1])
			}
		}
	})
}

// A thousand destinations in trouble fill no mailbox.
func TestNoticesOfAKindAreBounded(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.accounts["postmaster"] = f.alice.ID
		for i := range 30 {
			n := blocked
			n.Key = fmt.Sprintf("%d.test", i)
			if err := f.q.Notify(f.Context(), n); err != nil {
				f.Fatal(err)
			}
		}
		other := blocked
		other.Kind = "account held"
		if err := f.q.Notify(f.Context(), other); err != nil {
			f.Fatal(err)
		}
		if n := len(f.inbox()); n != 21 {
			f.Errorf("%d letters, want 20 of one kind and one of another", n)
		}
	})
}

// Where nobody is postmaster just now, the word waits.
func TestNoticeWaitsForAPostmaster(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.accounts["postmaster"] = f.alice.ID
		f.mda.fault("postmaster", mail.NobodyAnswers.With("postmaster"))
		f.run()
		if err := f.q.Notify(f.Context(), blocked); err != nil {
			f.Fatal(err)
		}
		f.pass(time.Minute)
		if got := f.waiting(); len(got) != 1 || got[0] != "postmaster 451" {
			f.Errorf("waiting: %q", got)
		}
		f.mda.fault("postmaster", mail.Reply{})
		f.pass(time.Hour)
		if got, in := f.waiting(), f.inbox(); len(got) != 0 || len(in) != 1 {
			f.Errorf("waiting: %q, letters: %d", got, len(in))
		}
	})
}
