package queue

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"sync"
	"time"

	"posthorn/mail"
)

// This file bounds to how many recipients an account sends, over all its
// connections. What was accepted is counted by the hour in the commit that accepts
// it, so the end of the program forgets nothing; what is being sent is counted in
// memory, and for a moment there twice. A window that slides is read from hours by
// taking of the oldest the part that the window still covers.

// sendings is what accounts are just sending, by login.
type sendings struct {
	mu  sync.Mutex
	of  map[string]int       // guarded by mu: recipients of open transactions
	say map[string]time.Time // guarded by mu: when the administrator was last told of those over a limit
}

// add counts n recipients more, and gives how many there are then.
func (s *sendings) add(login string, n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of == nil {
		s.of = make(map[string]int)
	}
	s.of[login] += n
	if s.of[login] == 0 {
		delete(s.of, login)
	}
	return s.of[login]
}

// mayTell tells, once an hour, whether the administrator may not have been told yet.
func (s *sendings) mayTell(login string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l, at := range s.say {
		if now.Sub(at) >= time.Hour {
			delete(s.say, l)
		}
	}
	if _, told := s.say[login]; told {
		return false
	}
	if s.say == nil {
		s.say = make(map[string]time.Time)
	}
	s.say[login] = now
	return true
}

// Sending is to how many recipients an account has sent, and may.
type Sending struct {
	Hour, Day           int // within the last one, those of open transactions with them
	HourLimit, DayLimit int // 0: any number
}

// Sending tells it of a login.
func (q *Queue) Sending(ctx context.Context, login string) (Sending, error) {
	now := time.Now()
	open := q.sendings.add(login, 0)
	hours, err := q.st.SentHours(ctx, login, now, dayHours+1)
	return Sending{window(hours, now, 1) + open, window(hours, now, dayHours) + open, q.cfg.SendingHour, q.cfg.SendingDay}, err
}

const dayHours = 24

// window adds up the last n hours before t. hours are whole ones, the latest, in
// which now is, first.
func window(hours []int64, t time.Time, n int) int {
	sum := int64(0)
	for _, h := range hours[:min(n, len(hours))] {
		sum += h
	}
	if n < len(hours) {
		passed := t.Unix() % 3600
		sum += (hours[n]*(3600-passed) + 3599) / 3600
	}
	return int(sum)
}

// Allow takes one more recipient of a login's mail, until release is called: after
// the commit that accepts it, or when nothing came of it. It is mail.SendingRate
// where the account has sent to as many as it may.
func (q *Queue) Allow(ctx context.Context, login string) (release func(), err error) {
	if q.cfg.SendingHour == 0 && q.cfg.SendingDay == 0 {
		return func() {}, nil
	}
	// Before the commits are read: what is committed and released meanwhile counts
	// twice, and never not at all.
	open := q.sendings.add(login, 1)
	release = sync.OnceFunc(func() { q.sendings.add(login, -1) })
	now := time.Now()
	hours, err := q.st.SentHours(ctx, login, now, dayHours+1)
	if err != nil {
		release()
		return nil, err
	}
	wait := max(over(hours, open, now, 1, q.cfg.SendingHour), over(hours, open, now, dayHours, q.cfg.SendingDay))
	if wait == 0 {
		return release, nil
	}
	release()
	q.tellOfSending(context.WithoutCancel(ctx), login, now)
	return nil, mail.SendingRate.With(login, minutes(wait))
}

// over tells how long it takes until no more than limit are sent to within n
// hours, with those that are open; 0: they are no more now.
func over(hours []int64, open int, now time.Time, n, limit int) time.Duration {
	if limit == 0 {
		return 0
	}
	return time.Minute * time.Duration(sort.Search(n*60+60, func(m int) bool {
		t := now.Add(time.Duration(m) * time.Minute)
		turned := int(t.Unix()/3600 - now.Unix()/3600)
		return window(append(make([]int64, turned), hours...), t, n)+open <= limit
	}))
}

// minutes says a time for people.
func minutes(d time.Duration) string {
	n, unit := int(d/time.Minute), " minute"
	if n >= 120 {
		n, unit = (n+59)/60, " hour"
	}
	if n != 1 {
		unit += "s"
	}
	return strconv.Itoa(n) + unit
}

// tellOfSending lets the administrator know, as it may be no mail of the account's
// owner.
func (q *Queue) tellOfSending(ctx context.Context, login string, now time.Time) {
	if !q.sendings.mayTell(login, now) {
		return
	}
	s, err := q.Sending(ctx, login)
	if err == nil {
		err = q.Notify(ctx, Notice{
			Kind: "sending rate", Key: login,
			Subject: login + " sends to very many: was its password stolen?",
			Text: fmt.Sprintf(`%s has sent to %d recipients within an hour and to %d within a day. It may send to %s within an hour and to %s within a day, so
what it sends just now is put off ("451 4.7.1"), and its mail program has to try again. This is how it looks when somebody has stolen a password and
sends spam with it, or when a newsletter goes out this way.

What it has sent, and from where:

    posthorn trace %[1]s --since 1d

If its owner did not send that, change the password, look at the app passwords, and drop what waits:

    posthorn user passwd %[1]s
    posthorn app-password list %[1]s
    posthorn queue drop --sender %[1]s

How much accounts may send say sending_hour and sending_day in [queue].`, login, s.Hour, s.Day, limit(s.HourLimit), limit(s.DayLimit)),
		})
	}
	if err != nil {
		q.log.Error("the administrator could not be told that an account sends to very many", "account", login, "error", err)
	}
}

func limit(n int) string {
	if n == 0 {
		return "any number"
	}
	return strconv.Itoa(n)
}
