package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"posthorn/store"
	"posthorn/store/storetest"
)

// What accounts have sent is known for eight days, and that an address fails for
// thirty after it last did.
func TestCountsAreForgotten(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	now := time.Now()
	_, err := f.Commit(ctx, store.Change{
		Tried: []store.Tried{{Login: "alice@example.test", To: "bob@away.test", Failed: true, Status: "550 No"}, {Login: "alice@example.test", To: "carol@away.test"}},
		Taken: []store.Taken{{Login: "alice@example.test", Recipients: 2}, {Login: "alice@example.test", Recipients: 3}},
	})
	ok(t, err)
	counts := func(want string) {
		t.Helper()
		r, err := f.SendingRate(ctx, "alice@example.test", now.Add(-time.Hour), now.Add(2*time.Hour))
		ok(t, err)
		hours, err := f.SentHours(ctx, "alice@example.test", now.Add(time.Hour), 3)
		ok(t, err)
		slices.Sort(hours) // the test may run over the end of an hour
		failing, err := f.FailingAddresses(ctx, 1, 9)
		ok(t, err)
		if got := fmt.Sprint(r.Tried, r.Failed, hours[2], len(failing)); got != want {
			t.Errorf("tried, failed, taken and failing addresses: %s, want %s", got, want)
		}
	}
	const day = 24 * time.Hour
	counts("2 1 5 1")
	f.purge(now.Add(8*day - time.Hour))
	counts("2 1 5 1")
	f.purge(now.Add(8*day + 2*time.Hour))
	counts("0 0 0 1")
	f.purge(now.Add(30*day - time.Hour))
	counts("0 0 0 1")
	f.purge(now.Add(30*day + time.Hour))
	counts("0 0 0 0")
	storetest.Clean(t, f.Store)
}

// Strangers' addresses fill no disk: beyond a bound those go that failed longest
// ago.
func TestFailingAddressesAreBounded(t *testing.T) {
	const most = 250
	defer store.SetMaxFailing(most)()
	ctx := t.Context()
	f := setUp(t)
	f.Halt()
	now := time.Now()
	ok(t, f.Damage(ctx, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
		INSERT INTO failing (address, failures, first, last, status, login) SELECT 'u' || i || '@away.test', i <= 202, ?2, ?2 + i, '', '' FROM n`,
		most+201, now.UnixNano()))
	f.purge(now.Add(time.Hour))
	all, err := f.FailingAddresses(ctx, 0, most+9)
	ok(t, err)
	if len(all) != most || all[0].Address != "u202@away.test" {
		t.Errorf("%d addresses, first %q; want %d without those that failed first", len(all), all[0].Address, most)
	}
}
