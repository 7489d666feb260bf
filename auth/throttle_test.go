package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/serve"
)

// guess makes one attempt and says how long it had to wait.
func guess(t *testing.T, th *throttle, from, login, password string, right bool) (time.Duration, error) {
	t.Helper()
	start := time.Now()
	var m mac
	copy(m[:], password)
	a, err := th.admit(t.Context(), serve.Network(netip.MustParseAddr(from)), login, m)
	if err == nil && right {
		a.succeeded()
	} else if err == nil {
		a.failed()
	}
	return time.Since(start), err
}

func TestGuessingSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		for i, want := range delays {
			if got, err := guess(t, th, "127.0.0.1", "alice", fmt.Sprint(i), false); got != want || err != nil {
				t.Errorf("guess %d waited %v, %v", i, got, err)
			}
		}
		if got, err := guess(t, th, "127.0.0.1", "alice", "x", false); got != 0 || !errors.Is(err, ErrThrottled) {
			t.Errorf("after all: %v %v", got, err)
		}
		// Elsewhere the owner is not kept waiting.
		if got, err := guess(t, th, "192.0.2.9", "alice", "right", true); got != 0 || err != nil {
			t.Errorf("the owner waited %v, %v", got, err)
		}
		time.Sleep(lockout)
		if _, err := guess(t, th, "127.0.0.1", "alice", "y", false); err != nil {
			t.Errorf("after five minutes: %v", err)
		}
		if _, err := guess(t, th, "127.0.0.1", "alice", "z", false); !errors.Is(err, ErrThrottled) {
			t.Errorf("a second one: %v", err)
		}
		time.Sleep(forget + time.Minute)
		if got, err := guess(t, th, "127.0.0.1", "alice", "right", true); got != 0 || err != nil {
			t.Errorf("after an hour: %v %v", got, err)
		}
	})
}

func TestSprayFromOneNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		const owner = "2001:db8::a"
		if _, err := guess(t, th, owner, "owner", "right", true); err != nil {
			t.Fatal(err)
		}
		var err error
		n := 0
		for ; err == nil && n < 1000; n++ {
			_, err = guess(t, th, fmt.Sprintf("2001:db8::%x", n), fmt.Sprint("user", n), "123456", false)
		}
		if want := networkShare*len(delays) + 1; n != want {
			t.Errorf("refused at guess %d, want %d", n, want)
		}
		if got, err := guess(t, th, owner, "owner", "right", true); got != 0 || err != nil {
			t.Errorf("the login that is known there: %v %v", got, err)
		}
		if got, err := guess(t, th, "2001:db8:0:1::1", "another", "right", true); got != 0 || err != nil {
			t.Errorf("the neighbouring network: %v %v", got, err)
		}
	})
}

// A device that kept an old password asks again and again.
func TestTheSameWrongPasswordCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		for range 50 {
			if _, err := guess(t, th, "192.0.2.1", "alice", "old", false); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if got, err := guess(t, th, "192.0.2.1", "alice", "right", true); got != 0 || err != nil {
			t.Errorf("waited %v, %v", got, err)
		}
	})
}

// A burst of connections gains nothing over one after another.
func TestBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		results := make(chan error)
		const burst = 200
		for i := range burst {
			go func() {
				_, err := guess(t, th, "192.0.2.1", "alice", fmt.Sprint(i), false)
				results <- err
			}()
		}
		passed := 0
		for range burst {
			if err := <-results; err == nil {
				passed++
			}
		}
		if passed > atOnce+len(delays) {
			t.Errorf("%d of %d guesses got through", passed, burst)
		}
	})
}

// Right passwords are no guesses, however many come at once from a network that
// is not known yet: webmail after a restart, an office behind one address.
func TestBurstOfRightPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		results := make(chan error)
		const burst = 64
		begin := time.Now()
		for i := range burst {
			go func() {
				a, err := th.admit(t.Context(), serve.Network(netip.MustParseAddr("127.0.0.1")), fmt.Sprint("user", i), mac{})
				if err == nil {
					time.Sleep(40 * time.Millisecond) // a hash
					a.succeeded()
				}
				results <- err
			}()
		}
		for range burst {
			if err := <-results; err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begin); took > burst/atOnce*40*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

// Whoever waits behind attempts that do not end is refused in the end, and goes
// at once when his connection does.
func TestBurstThatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		network := serve.Network(netip.MustParseAddr("192.0.2.1"))
		var held []*attempt
		for i := range atOnce {
			a, err := th.admit(t.Context(), network, fmt.Sprint("user", i), mac{})
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, a)
		}
		begin := time.Now()
		if _, err := th.admit(t.Context(), network, "another", mac{}); !errors.Is(err, ErrThrottled) || time.Since(begin) != patience {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		gone, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if _, err := th.admit(gone, network, "another", mac{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("gone: %v", err)
		}
		for _, a := range held {
			a.undecided()
		}
		if a, err := th.admit(t.Context(), network, "another", mac{}); err != nil {
			t.Errorf("after all: %v", err)
		} else {
			a.succeeded()
		}
	})
}

// Five connections that a mail program opens at once do not wait.
func TestSeveralConnectionsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		var m mac
		var all []*attempt
		for range 5 {
			now := time.Now()
			a, at, _, err := th.enter(now, now, netip.Prefix{}, "alice", m)
			if a == nil || !at.Equal(now) || err != nil {
				t.Fatalf("waits until %v, %v", at, err)
			}
			all = append(all, a)
		}
		for _, a := range all {
			a.succeeded()
		}
	})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle()
		guess(t, th, "192.0.2.1", "alice", "a", false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := th.admit(ctx, serve.Network(netip.MustParseAddr("192.0.2.1")), "alice", mac{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		for s, r := range th.records {
			if r.pending != 0 {
				t.Errorf("%v has %d pending", s, r.pending)
			}
		}
	})
}

func TestRecordsAreBounded(t *testing.T) {
	th := newThrottle()
	now := time.Now()
	for i := range maxRecords + 10 {
		a, _, _, err := th.enter(now, now, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32), "x", mac{})
		if err != nil {
			t.Fatal(err)
		}
		a.undecided()
	}
	if n := len(th.records); n > maxRecords {
		t.Errorf("%d records", n)
	}
}

// Guessing is slowed alike, whatever the mechanism.
func TestEveryMechanismIsThrottled(t *testing.T) {
	for mech, guess := range map[string]func(t *testing.T, a *Auth, n int) error{
		"PLAIN": func(t *testing.T, a *Auth, n int) error {
			_, err := a.Plain(t.Context(), home, "alice@a.test", fmt.Sprint(n))
			return err
		},
		"an app password": func(t *testing.T, a *Auth, n int) error {
			_, err := a.Plain(t.Context(), home, "alice@a.test", newAppPassword())
			return err
		},
		"SCRAM": func(t *testing.T, a *Auth, n int) error {
			s := newSCRAM(a, t.Context(), home, nil, false)
			_, err := talk(s, client(t, "alice@a.test", fmt.Sprint(n), "").NewConversation())
			return err
		},
		"a token": func(t *testing.T, a *Auth, n int) error {
			s := a.newXOAuth2(t.Context(), home, nil)
			if _, _, err := s.Next([]byte(fmt.Sprintf("user=alice@a.test\x01auth=Bearer %d\x01\x01", n))); err != nil {
				return err
			}
			_, _, err := s.Next([]byte{})
			return err
		},
	} {
		t.Run(mech, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, _, _ := newFake(t)
				a.cfg.SCRAM = true
				a.issuer = &issuer{cfg: OIDCConfig{Issuer: "https://a.test"}}
				start := time.Now()
				for n := range delays {
					if err := guess(t, a, n); err != ErrCredentials {
						t.Fatalf("guess %d: %v", n, err)
					}
				}
				if err := guess(t, a, 99); err != ErrThrottled {
					t.Errorf("after %v: %v", time.Since(start), err)
				}
				if took := time.Since(start); took < time.Minute {
					t.Errorf("%d guesses took %v", len(delays), took)
				}
			})
		})
	}
}
