package queue_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
)

// Q1: one commit for everything that an acceptance means.
func TestAcceptRoutesEachRecipient(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.accept(letter("alice@here.test", "bob@away.test", "carol@far.test"))
		in := f.inbox()
		if len(in) != 1 || !strings.HasPrefix(in[0], "Return-Path: <alice@here.test>\r\nReceived: ") {
			t.Errorf("INBOX: %q", in)
		}
		if got := f.waiting(); !slices.Equal(got, []string{"bob@away.test 0", "carol@far.test 0"}) {
			t.Errorf("waiting: %q", got)
		}
		f.run()
		f.pass(time.Second)
		if got := f.waiting(); len(got) != 0 {
			t.Errorf("waiting after a run: %q", got)
		}
		made := f.agent.made("away.test")
		if len(made) != 1 || !strings.HasPrefix(made[0].content, "Received: ") {
			t.Errorf("attempts: %+v", made)
		}
	})
}

// What is kept for another host is tried for as long as was promised.
func TestBackupIsKeptLonger(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.agent.says(mail.NoAnswer)
		f.accept(letter("alice@here.test", "bob@away.test", "carol@backup.test"))
		f.run()
		f.pass(6 * 24 * time.Hour)
		if got := f.waiting(); len(got) != 1 || !strings.HasPrefix(got[0], "carol@backup.test ") {
			t.Errorf("waiting after 6 days: %q", got)
		}
		f.pass(25 * 24 * time.Hour)
		if got := f.waiting(); len(got) != 0 {
			t.Errorf("waiting after 31 days: %q", got)
		}
	})
}

// Q2: a local fault that may pass refuses the whole message, and nothing of it
// is kept.
func TestTemporaryLocalFaultKeepsNothing(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.fault("bob", mail.LocalError)
		err := f.q.Accept(f.Context(), letter("alice@here.test", "bob@here.test", "carol@far.test"))
		if !errors.Is(err, mail.LocalError) {
			t.Errorf("got %v", err)
		}
		if in, w := f.inbox(), f.waiting(); len(in)+len(w) != 0 {
			t.Errorf("kept: %q %q", in, w)
		}
	})
}

// Q3: an account that vanished after RCPT does not cost the others their mail.
func TestVanishedAccount(t *testing.T) {
	t.Run("of a stranger's message is held", func(t *testing.T) {
		inTime(t, func(f *fixture) {
			f.accept(fromStranger(true, "alice@here.test", "gone@here.test"))
			f.run()
			f.pass(6 * time.Hour)
			if in := f.inbox(); len(in) != 1 {
				t.Errorf("INBOX: %q", in)
			}
			if got := f.waiting(); !slices.Equal(got, []string{"gone@here.test 550 held"}) {
				t.Errorf("waiting: %q", got)
			}
			if made := f.agent.made(""); len(made) != 0 {
				t.Errorf("a report was sent: %v", made)
			}
		})
	})
	t.Run("of our own user's is reported", func(t *testing.T) {
		inTime(t, func(f *fixture) {
			f.accept(letter("gone@here.test"))
			f.run()
			f.pass(time.Minute)
			if in := f.inbox(); len(in) != 1 || !strings.Contains(in[0], "Status: 5.1.1") {
				t.Errorf("INBOX: %q", in)
			}
		})
	})
}

func TestForwardingGoesOnAsMailOfItsOwn(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.onward["team"] = "alice@here.test"
		f.mda.onward["friend"] = "bob@away.test"
		f.accept(fromStranger(false, "team@here.test", "friend@here.test"))
		if in, w := f.inbox(), f.waiting(); len(in) != 1 || !slices.Equal(w, []string{"bob@away.test 0"}) {
			t.Errorf("got %q %q", in, w)
		}
	})
}

// Q4: mail that leads back to where it was ends.
func TestForwardingLoopIsHeld(t *testing.T) {
	inTime(t, func(f *fixture) {
		f.mda.onward["x"], f.mda.onward["y"] = "y@here.test", "x@here.test"
		f.accept(letter("x@here.test"))
		f.run()
		f.pass(time.Hour)
		if got := f.waiting(); len(got) != 1 || !strings.HasSuffix(got[0], "554 held") {
			t.Errorf("waiting: %q", got)
		}
	})
}

// Nothing is due to nobody: a null return path, a stranger, NOTIFY=NEVER.
func TestReceiptForLocalDelivery(t *testing.T) {
	for name, want := range map[string]int{"asked for": 2, "not asked for": 1} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(f *fixture) {
				m := letter("alice@here.test")
				if want == 2 {
					m.To[0].Notify = mail.NotifySuccess
				}
				f.accept(m)
				in := f.inbox()
				if len(in) != want {
					t.Fatalf("%d messages, want %d", len(in), want)
				}
				if want == 2 && !strings.Contains(in[0]+in[1], "Action: delivered") {
					t.Errorf("no receipt in %q", in)
				}
			})
		})
	}
}
