package auth

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// How guessing is slowed. Two things are counted: wrong passwords from a
// network (an IPv4 address or an IPv6 /64), whatever the login, and wrong
// passwords for one login from that network. Each further attempt has to wait
// for its turn, one at a time, longer with each wrong password; whoever would
// wait too long is refused at once. All this is before any hashing.
//
// Nothing is counted for a login over all networks: then a stranger could lock
// its owner out. A login that has succeeded from a network is not held back
// there by other logins' failures: in an office behind one address a device
// with an old password harms nobody else. The same wrong password again tells
// a guesser nothing, so it does not count again. Loopback is no exception:
// webmail and proxies call from there.
var delays = [...]time.Duration{0, 2 * time.Second, 4 * time.Second, 8 * time.Second,
	15 * time.Second, 15 * time.Second, 15 * time.Second, 15 * time.Second, 15 * time.Second, 15 * time.Second}

const (
	lockout  = 5 * time.Minute  // between attempts, after all of delays
	patience = 30 * time.Second // whose turn is later than this, is refused
	forget   = time.Hour        // after the last wrong password
	trust    = 30 * 24 * time.Hour

	// A network has several people, who mistype several times.
	networkShare = 4
	// A mail program tries several connections at once, and webmail or an
	// office those of many people. More than this wait until one of them has
	// ended, and then for what it has cost: a burst of guesses gains no more
	// than this over one after another, and one of right passwords loses
	// nothing but time.
	atOnce = 8

	maxRecords = 100_000
)

// record is what is known of one network, or of one login from it.
type record struct {
	share    int // of failures that make one step of delays
	failures int
	pending  int           // attempts that have a turn and have not ended, atOnce at most
	ended    chan struct{} // closed when one of pending ends; nil: nobody waits for that
	next     time.Time     // no attempt before
	last     time.Time     // when a wrong password came
	good     time.Time     // when the login succeeded from here
	wrong    mac           // the last wrong password
}

type origin struct {
	network netip.Prefix
	login   string // "" for the network itself
}

type throttle struct {
	mu      sync.Mutex // guards what follows, and every record
	records map[origin]*record
}

func newThrottle() *throttle { return &throttle{records: map[origin]*record{}} }

// attempt is one login on its way; exactly one of its methods ends it.
type attempt struct {
	t      *throttle
	login  *record
	all    []*record // those that the attempt counts for
	secret mac
}

// admit waits until it is an attempt's turn. It fails with ErrThrottled, or
// when ctx is done.
func (t *throttle) admit(ctx context.Context, network netip.Prefix, login string, secret mac) (*attempt, error) {
	patient := time.Now().Add(patience)
	for {
		a, at, ended, err := t.enter(time.Now(), patient, network, login, secret)
		if err != nil {
			return nil, err
		}
		timer := time.NewTimer(time.Until(at))
		select {
		case <-timer.C:
			if a != nil {
				return a, nil
			}
			return nil, ErrThrottled
		case <-ended: // look again
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			if a != nil {
				a.undecided()
			}
			return nil, ctx.Err()
		}
	}
}

// enter gives an attempt its turn, at. While too many others have theirs there
// is none: then a is nil, ended tells when to ask again, and at how long that is
// of use.
func (t *throttle) enter(now, patient time.Time, network netip.Prefix, login string, secret mac) (
	a *attempt, at time.Time, ended <-chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a = &attempt{t: t, login: t.record(now, origin{network, login}, 1), secret: secret}
	a.all = []*record{a.login}
	if now.Sub(a.login.good) > trust {
		a.all = append(a.all, t.record(now, origin{network, ""}, networkShare))
	}
	at = now
	for _, r := range a.all {
		if r.next.After(at) {
			at = r.next
		}
	}
	if at.After(patient) {
		return nil, at, nil, ErrThrottled
	}
	for _, r := range a.all {
		if r.pending >= atOnce {
			return nil, patient, r.end(), nil
		}
	}
	for _, r := range a.all {
		r.next = at.Add(r.delay())
		r.pending++
	}
	return a, at, nil, nil
}

// delay is how long the attempt after the next has to wait.
func (r *record) delay() time.Duration {
	step := r.failures / r.share
	if step >= len(delays) {
		return lockout
	}
	return delays[step]
}

// end gives the channel that is closed when the next pending attempt ends.
func (r *record) end() <-chan struct{} {
	if r.ended == nil {
		r.ended = make(chan struct{})
	}
	return r.ended
}

// record finds or makes one. What is over is begun anew.
func (t *throttle) record(now time.Time, s origin, share int) *record {
	if r := t.records[s]; r != nil {
		if r.pending == 0 && now.Sub(r.last) > forget {
			r.failures = 0
		}
		return r
	}
	if len(t.records) >= maxRecords {
		t.sweep(now)
	}
	r := &record{share: share}
	t.records[s] = r
	return r
}

// sweep makes room: first what is over, then whatever comes first.
func (t *throttle) sweep(now time.Time) {
	for s, r := range t.records {
		if r.pending == 0 && now.Sub(r.last) > forget && now.Sub(r.good) > trust {
			delete(t.records, s)
		}
	}
	for s, r := range t.records {
		if len(t.records) < maxRecords*9/10 {
			return
		}
		if r.pending == 0 {
			delete(t.records, s)
		}
	}
}

// failed: the password was wrong.
func (a *attempt) failed() {
	a.end(func(now time.Time) {
		repeated := a.login.wrong == a.secret
		a.login.wrong = a.secret
		for _, r := range a.all {
			if !repeated {
				r.failures++
			}
			r.last = now
			if at := now.Add(r.delay()); at.After(r.next) {
				r.next = at
			}
		}
	})
}

// succeeded forgives the login, not the network: who owns an account could
// otherwise guess at others between his own logins.
func (a *attempt) succeeded() {
	a.end(func(now time.Time) {
		a.login.failures, a.login.next, a.login.good = 0, time.Time{}, now
	})
}

// undecided: nobody learned whether the password was right.
func (a *attempt) undecided() { a.end(func(time.Time) {}) }

func (a *attempt) end(count func(now time.Time)) {
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	for _, r := range a.all {
		r.pending--
	}
	count(time.Now()) // before others look
	for _, r := range a.all {
		if r.ended != nil {
			close(r.ended)
			r.ended = nil
		}
	}
}
