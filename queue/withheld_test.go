package queue_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// lead makes local parts that lead elsewhere, as the MDA does it.
func (f *fixture) lead(onward map[string]string) {
	f.mda.mu.Lock()
	defer f.mda.mu.Unlock()
	f.mda.onward = onward
}

// events gives kind and recipient of all that was recorded about a stranger's
// mail and what became of it.
func (f *fixture) recorded(address string) (all []string) {
	f.Helper()
	leads, err := f.st.Lead(f.Context(), store.Leads{Address: address, Limit: 100})
	if err != nil {
		f.Fatal(err)
	}
	for _, lead := range leads {
		events, err := f.st.Events(f.Context(), lead.Session, 0, 100)
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range events {
			all = append(all, e.Kind+" "+e.To)
		}
	}
	return all
}

// What a stranger sent whom nothing proves is answered by no report: the owner of
// the address that sends it on is told, in its mailbox, once a day. Q12.
func TestOwnerIsToldWhatNoReportTells(t *testing.T) {
	for _, proven := range []bool{false, true} {
		for _, address := range []string{"alice", "team"} { // an account, and an alias alone
			t.Run(fmt.Sprint(address, " proven ", proven), func(t *testing.T) {
				inTime(t, func(f *fixture) {
					f.mda.accounts["postmaster"] = f.alice.ID
					f.lead(map[string]string{address: "me@away.test"})
					f.agent.play(func(destination string, to mail.Path) mail.Reply {
						if to.Local == "me" {
							return mail.Reply{Code: 550, X: mail.EnhancedCode{5, 1, 1}, Text: "no me here"}
						}
						return mail.Reply{Code: 250}
					})
					f.run()
					for range 3 {
						f.accept(fromStranger(proven, address+"@here.test"))
						f.pass(time.Minute)
					}
					letters := f.inbox()
					reports := f.agent.made("away.test")
					if proven {
						if len(letters) != 0 || len(reports) != 6 {
							f.Errorf("%d letters, %d attempts", len(letters), len(reports))
						}
						return
					}
					if len(letters) != 1 || len(reports) != 3 {
						f.Fatalf("%d letters, %d attempts", len(letters), len(reports))
					}
					for _, want := range []string{
						"Return-Path: <>\r\n", "Auto-Submitted: auto-generated\r\n", "Subject: Mail to " + address + "@here.test could not be sent on\r\n",
						"me@away.test (mx.away.test)\r\n", "550 5.1.1 no me here\r\n", "eve@away.test", "posthorn trace ",
					} {
						if !strings.Contains(letters[0], want) {
							f.Errorf("without %q:\n%s", want, letters[0])
						}
					}
					if to := strings.Contains(letters[0], "To: postmaster@here.test"); to != (address == "team") {
						f.Errorf("to postmaster: %v", to)
					}
					f.pass(25 * time.Hour)
					f.accept(fromStranger(false, address+"@here.test"))
					f.pass(time.Minute)
					if n := len(f.inbox()); n != 2 {
						f.Errorf("%d letters on the second day", n)
					}
				})
			})
		}
	}
}

// A bounce that only passes on its way back to a stranger is told of to nobody.
func TestNobodyIsToldOfBouncesThatPass(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.accounts["postmaster"] = f.alice.ID
		f.mda.passes = true
		f.lead(map[string]string{"back": "s@away.test"})
		f.agent.says(mail.Reply{Code: 550, Text: "no"})
		f.run()
		m := fromStranger(false, "back@here.test")
		m.From = mail.Path{}
		f.accept(m)
		f.pass(time.Minute)
		if n, tried := len(f.inbox()), len(f.agent.made("")); n != 0 || tried != 1 {
			f.Errorf("%d letters, %d attempts", n, tried)
		}
	})
}

// Junk for an address that leads elsewhere is refused while the sender's host
// hears it; where others have taken the message, a proven sender gets a report
// and an unproven one none.
func TestJunkThatLeadsElsewhere(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.fault("fwd", mail.JunkStays.With("fwd@here.test"))
		if err := f.q.Accept(f.Context(), fromStranger(true, "fwd@here.test")); !errors.Is(err, mail.JunkStays) {
			f.Errorf("alone: %v", err)
		}
		f.run()
		f.accept(fromStranger(false, "fwd@here.test", "alice@here.test"))
		f.pass(time.Minute)
		if got := strings.Join(f.recorded("fwd@here.test"), ", "); !strings.Contains(got, "withheld fwd@here.test") || !strings.Contains(got, "delivered alice@here.test") {
			f.Errorf("recorded %s", got)
		}
		if n := len(f.agent.made("")); n != 0 || len(f.waiting()) != 0 {
			f.Errorf("%d attempts, waiting %q", n, f.waiting())
		}
		f.accept(fromStranger(true, "fwd@here.test", "alice@here.test"))
		f.pass(time.Minute)
		made := f.agent.made("away.test")
		if len(made) != 1 || !strings.Contains(made[0].content, "Final-Recipient: rfc822;fwd@here.test") && !strings.Contains(made[0].content, "Final-Recipient: rfc822; fwd@here.test") {
			f.Errorf("reports: %+v", made)
		}
		if n := len(f.inbox()); n != 2 {
			f.Errorf("%d in the mailbox of the other recipient", n)
		}
	})
}
