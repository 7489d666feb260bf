package queue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
)

// rate is what an account has sent, with limits that suit a test.
func rate(f *fixture, hour, day int) {
	f.mda.accounts["postmaster"] = f.alice.ID
	f.cfg.SendingHour, f.cfg.SendingDay = hour, day
	f.renew()
	f.pass(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour))) // hours begin with the hour
}

// submit sends a letter to n recipients as a session does, and gives how many were
// allowed, and the reply to the first that was not.
func submit(f *fixture, n int) (allowed int, reply mail.Reply) {
	f.Helper()
	var to []string
	for range n {
		release, err := f.q.Allow(f.Context(), "alice@here.test")
		if err != nil {
			if !errors.As(err, &reply) {
				f.Fatal(err)
			}
			break
		}
		defer release()
		to = append(to, "bob@away.test")
	}
	if len(to) > 0 {
		f.accept(letter(to...))
	}
	return len(to), reply
}

// An account sends to so many within an hour and a day, and whoever is over that is
// told how long to wait, which is enough.
func TestSendingRate(t *testing.T) {
	inTime(t, func(f *fixture) {
		rate(f, 100, 150)
		if n, _ := submit(f, 60); n != 60 {
			f.Fatalf("%d of the first 60", n)
		}
		f.pass(30 * time.Minute)
		n, reply := submit(f, 60)
		if n != 40 || !errors.Is(reply, mail.SendingRate) || reply.String() != "451 4.7.1 alice@here.test has sent to too many recipients lately; the next one may come in 31 minutes" {
			f.Fatalf("%d of the next 60: %s", n, reply)
		}
		f.pass(30 * time.Minute)
		if n, _ := submit(f, 1); n != 0 {
			f.Error("the hour has hardly begun")
		}
		f.pass(time.Minute)
		if n, _ := submit(f, 60); n != 1 {
			f.Errorf("%d after a minute, want what the window has let go of", n)
		}
		f.pass(59 * time.Minute)
		if n, reply = submit(f, 60); n != 49 || !strings.HasSuffix(reply.Text, "may come in 23 hours") {
			f.Errorf("%d of the day's rest of 49: %s", n, reply)
		}
		f.pass(23 * time.Hour)
		if n, reply = submit(f, 1); n != 1 {
			f.Errorf("after the time that was told: %s", reply)
		}
	})
}

// It counts over all connections, what is not accepted only while it is open, and
// the end of the program forgets nothing.
func TestSendingRateOverConnections(t *testing.T) {
	inTime(t, func(f *fixture) {
		rate(f, 10, 0)
		var open []func()
		for range 10 {
			release, err := f.q.Allow(f.Context(), "alice@here.test")
			if err != nil {
				f.Fatal(err)
			}
			open = append(open, release)
		}
		if n, _ := submit(f, 1); n != 0 {
			f.Error("an eleventh was allowed")
		}
		if _, err := f.q.Allow(f.Context(), "carol@here.test"); err != nil {
			f.Errorf("somebody else: %v", err)
		}
		for _, release := range open {
			release()
			release() // once is enough
		}
		if n, _ := submit(f, 8); n != 8 {
			f.Errorf("%d of 8, after others came to nothing", n)
		}
		f.reopen(time.Minute)
		if n, _ := submit(f, 8); n != 2 {
			f.Errorf("%d after a restart, want 2", n)
		}
		s, err := f.q.Sending(f.Context(), "alice@here.test")
		if err != nil || s.Hour != 10 || s.Day != 10 || s.HourLimit != 10 || s.DayLimit != 0 {
			f.Errorf("%+v, %v", s, err)
		}
	})
}

// The administrator is told once, restart or not, and with limits of 0 nobody is
// over them.
func TestSendingRateIsTold(t *testing.T) {
	inTime(t, func(f *fixture) {
		rate(f, 5, 0)
		for range 3 {
			submit(f, 7)
			f.reopen(time.Minute)
		}
		told := 0
		for _, m := range f.inbox() {
			m = strings.Join(strings.Fields(m), " ")
			if strings.Contains(m, "Subject: alice@here.test sends to very many") {
				told++
				for _, want := range []string{"5 recipients within an hour and to 5 within a day", "5 within an hour and to any number within a day", "posthorn trace alice@here.test --since 1d"} {
					if !strings.Contains(m, want) {
						f.Errorf("without %q: %s", want, m)
					}
				}
			}
		}
		if told != 1 {
			f.Errorf("told %d times", told)
		}
		rate(f, 0, 0)
		if n, _ := submit(f, 100); n != 100 {
			f.Errorf("%d without limits", n)
		}
	})
}
