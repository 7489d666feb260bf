package relay_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/dns/dnstest"
	"posthorn/mail"
	"posthorn/relay/relaytest"
	"posthorn/store"
	"posthorn/store/blank"
)

// nobodysBackup is the part of a relay's memory that knows no backup domain.
type nobodysBackup struct{}

func (nobodysBackup) Domain(context.Context, string) (store.Domain, error) {
	return store.Domain{}, store.ErrNotFound
}
func (nobodysBackup) Taken(context.Context, mail.Path, time.Time) (time.Time, error) {
	return time.Time{}, store.ErrNotFound
}
func (nobodysBackup) SetTaken(context.Context, mail.Path, time.Time, time.Time) error { return nil }
func (nobodysBackup) NotTaken(context.Context, mail.Path) error                       { return nil }

// backupOf makes a network whose relay, us.test, is the backup of x.test.
func backupOf(t *testing.T, d store.Domain) (*network, *store.Store) {
	t.Helper()
	n := newNetwork(t, dnstest.Zones{
		"x.test":   {MX: []string{"10 mx1.test", "20 us.test", "30 worse.test"}},
		"mx1.test": {A: []string{"127.0.0.2"}}, "us.test": {A: []string{"127.0.0.3"}}, "worse.test": {A: []string{"127.0.0.4"}},
	})
	st := blank.Open(t, store.Options{Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		if faults, err := st.Check(context.Background(), false, nil); err != nil || len(faults) > 0 {
			t.Error(err, faults)
		}
	})
	d.Name, d.Backup = "x.test", true
	if err := st.AddDomain(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	n.memory = st
	return n, st
}

func (n *network) verify(address string) error {
	n.Helper()
	p, err := mail.ParsePath(address)
	if err != nil {
		n.Fatal(err)
	}
	return n.start().Verify(n.Context(), mail.Recipient{Path: p}, 0)
}

func is(err error, want mail.Reply) bool {
	reply, ok := mail.ReplyTo(err)
	return ok && reply.Is(want)
}

// The primary decides who exists; its answers are remembered, and what it took
// before is taken while it is down.
func TestRecipientsOfABackupDomain(t *testing.T) {
	n, st := backupOf(t, store.Domain{})
	h := n.host("127.0.0.2", relaytest.Script{"RCPT TO:<NOBODY": "550 5.1.1 Who?", "RCPT TO:<GREY": "451 4.7.1 Later",
		"RCPT TO:<FULL": "452 4.2.2 Full", "RCPT TO:<BLOCKED": "554 5.7.1 Your address is listed"})
	for range 2 {
		for _, tt := range []struct {
			to   string
			want mail.Reply
		}{
			{"bob@x.test", mail.OK}, {"BOB@X.test", mail.OK}, {"full@x.test", mail.OK},
			{"nobody@x.test", mail.PrimaryRefuses}, {"grey@x.test", mail.CannotVerifyNow}, {"blocked@x.test", mail.CannotVerifyNow},
			{"bob@y.test", mail.RelayDenied}, {"bob@[127.0.0.2]", mail.RelayDenied},
		} {
			err := n.verify(tt.to)
			if tt.want.Code == 250 && err != nil || tt.want.Code != 250 && !is(err, tt.want) {
				t.Errorf("%s: %v", tt.to, err)
			}
		}
	}
	if err := n.verify("nobody@x.test"); !strings.Contains(err.Error(), "550 5.1.1 The server of x.test") || !strings.Contains(err.Error(), "Who?") {
		t.Error(err)
	}
	asked := func(address string) (times int) {
		for _, l := range h.Lines() {
			if strings.HasPrefix(l, "RCPT TO:<"+address) {
				times++
			}
		}
		return times
	}
	if asked("bob") != 1 || asked("BOB") != 0 || asked("nobody") != 1 || asked("grey") != 2 {
		t.Errorf("%q", h.Lines())
	}
	for _, l := range h.Lines() {
		if strings.HasPrefix(l, "MAIL") && l != "MAIL FROM:<>" || l == "DATA" {
			t.Errorf("said %q", l)
		}
	}
	if len(h.Mails()) != 0 {
		t.Errorf("%d messages", len(h.Mails()))
	}

	// Another run of the program, and nobody answers at the primary.
	n.r.Close()
	n.r = nil
	h.SetScript(relaytest.Script{"GREETING": "421 4.3.2 Down" + relaytest.Close})
	h.HangUp()
	before := h.Connections()
	old, _ := mail.ParsePath("old@x.test")
	long, _ := mail.ParsePath("long-ago@x.test")
	for p, at := range map[mail.Path]time.Duration{old: 20 * 24 * time.Hour, long: 40 * 24 * time.Hour} {
		if err := st.SetTaken(t.Context(), p, time.Now().Add(-at), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := n.verify("bob@x.test"); err != nil {
			t.Error(err)
		}
		if err := n.verify("old@x.test"); err != nil {
			t.Error("taken 20 days ago:", err)
		}
		for _, a := range []string{"long-ago@x.test", "new@x.test", "other@x.test"} {
			if err := n.verify(a); !is(err, mail.CannotVerifyNow) {
				t.Errorf("%s: %v", a, err)
			}
		}
	}
	if got := h.Connections() - before; got != 1 {
		t.Errorf("a primary that is down was asked %d times", got)
	}
}

func TestBackupThatTakesWhatItDoesNotKnow(t *testing.T) {
	n, _ := backupOf(t, store.Domain{})
	n.cfg.BackupUnverified = "accept"
	if err := n.verify("bob@x.test"); err != nil {
		t.Error(err)
	}
}

// A flood for one address is one question, and one for many at most five at a
// time.
func TestFloodAtABackup(t *testing.T) {
	n, _ := backupOf(t, store.Domain{})
	h := n.host("127.0.0.2", relaytest.Script{"RCPT": relaytest.Stall})
	n.start()
	var wg sync.WaitGroup
	errs := make(chan error, 60)
	for i := range 60 {
		wg.Go(func() {
			to := "bob@x.test"
			if i%2 == 0 {
				to = "r" + strings.Repeat("x", i) + "@x.test"
			}
			errs <- n.verify(to)
		})
	}
	wg.Wait()
	for range 60 {
		if err := <-errs; !is(err, mail.CannotVerifyNow) {
			t.Error(err)
		}
	}
	if h.Connections() > 5 {
		t.Errorf("%d questions at a time", h.Connections())
	}
}

// Mail for a backup domain goes to better hosts alone (RFC 5321 §5.1), is kept
// while there is none, and goes to the primary that was named.
func TestWayOfABackup(t *testing.T) {
	for _, tt := range []struct {
		name    string
		domain  store.Domain
		primary bool // it listens
		mx      []string
		want    mail.Reply
	}{
		{"the better one is there", store.Domain{}, true, nil, mail.OK},
		{"the better one is down", store.Domain{}, false, nil, mail.NoAnswer},
		{"we are the best", store.Domain{}, true, []string{"10 us.test", "30 worse.test"}, mail.NoPrimary},
		{"a null MX", store.Domain{}, true, []string{"0 ."}, mail.NoPrimary},
		{"a primary by name", store.Domain{Primary: "mx1.test"}, true, []string{"10 us.test"}, mail.OK},
		{"a primary by address", store.Domain{Primary: "127.0.0.2"}, true, []string{"10 us.test"}, mail.OK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, _ := backupOf(t, tt.domain)
			if tt.mx != nil {
				n.dns.Set("x.test", dnstest.Node{MX: tt.mx})
			}
			var h *relaytest.Server
			if tt.primary {
				h = n.host("127.0.0.2", nil)
			}
			worse := n.host("127.0.0.4", nil)
			s := n.send(letter("bob@x.test"))[0]
			if tt.want.Code == 250 && (!s.OK() || len(h.Mails()) != 1) || tt.want.Code != 250 && !s.Reply.Is(tt.want) {
				t.Errorf("got %v", s.Reply)
			}
			if worse.Connections() != 0 {
				t.Error("a worse host was asked")
			}
		})
	}
}

func TestHowLongABackupKeeps(t *testing.T) {
	n, _ := backupOf(t, store.Domain{Keep: 10 * 24 * time.Hour})
	r := n.start()
	days := func(domain string) int {
		d, err := r.Keep(t.Context(), domain)
		if err != nil {
			t.Fatal(err)
		}
		return int(d / (24 * time.Hour))
	}
	if got := []int{days("x.test"), days("y.test")}; !slices.Equal(got, []int{10, 0}) {
		t.Errorf("%v days", got)
	}
}
