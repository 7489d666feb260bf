package store_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// matched goes through the whole queue, some at a time.
func (f *fixture) matched(filter store.Filter, limit int) (found []store.DeliveryID) {
	f.t.Helper()
	for after := store.DeliveryID(0); ; {
		some, next, err := f.Match(f.t.Context(), filter, after, limit)
		ok(f.t, err)
		if len(some) > limit {
			f.t.Fatalf("%d found, %d asked for", len(some), limit)
		}
		for _, m := range some {
			found = append(found, m.Delivery)
		}
		if next == 0 {
			return found
		}
		if next <= after {
			f.t.Fatalf("from %d on to %d", after, next)
		}
		after = next
	}
}

func TestFilter(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	spool := func(login, from string, to ...string) store.ItemID {
		t.Helper()
		path := func(s string) mail.Path {
			p, err := mail.ParsePath(s)
			ok(t, err)
			return p
		}
		sp := store.Spooled{Blob: f.put(hello), QueueID: mail.NewID(), Expires: later(), Envelope: mail.Envelope{From: path(from)}, Origin: mail.Origin{Login: login}}
		for _, r := range to {
			sp.Deliveries = append(sp.Deliveries, store.NewDelivery{Recipient: mail.Recipient{Path: path(r)}, Destination: "to " + path(r).Key().Domain})
		}
		res, err := f.Commit(ctx, store.Change{Spool: []store.Spooled{sp}})
		ok(t, err)
		return res.Items[0]
	}
	first := spool("alice@here.test", "Alice@Here.test", "bob@Away.test", "carol@far.test") // 1, 2
	spool("", "", "dan@away.test")                                                          // 3
	last := spool("team@here.test", "alice@here.test", "erin@away.test")                    // 4
	_, err := f.Commit(ctx, store.Change{Settle: []store.Settlement{{Delivery: 2, State: store.Waiting, Due: later(), Attempt: true,
		Status: mail.Status{Reply: mail.Reply{Code: 452, X: mail.EnhancedCode{4, 2, 2}, Text: "Mailbox FULL 50%"}}}}})
	ok(t, err)
	ok(t, f.SetHold(ctx, store.Hold{Kind: store.HoldSender, What: "team@here.test", By: store.ByAdmin}))
	now := time.Now()
	for _, c := range []struct {
		name   string
		filter store.Filter
		want   []store.DeliveryID
	}{
		{"all", store.Filter{}, []store.DeliveryID{1, 2, 3, 4}},
		{"login or return path", store.Filter{From: "alice@here.test"}, []store.DeliveryID{1, 2, 4}},
		{"login alone", store.Filter{From: "team@here.test"}, []store.DeliveryID{4}},
		{"the sender's domain", store.Filter{From: "here.test"}, []store.DeliveryID{1, 2, 4}},
		{"null return path", store.Filter{From: "<>"}, []store.DeliveryID{3}},
		{"recipient", store.Filter{To: "bob@away.test"}, []store.DeliveryID{1}},
		{"domain", store.Filter{Domain: "away.test"}, []store.DeliveryID{1, 3, 4}},
		{"destination", store.Filter{Destination: "to away.test"}, []store.DeliveryID{1, 3, 4}},
		{"destination and sender", store.Filter{Destination: "to away.test", From: "<>"}, []store.DeliveryID{3}},
		{"items", store.Filter{Items: []store.ItemID{first, last}}, []store.DeliveryID{1, 2, 4}},
		{"items and domain", store.Filter{Items: []store.ItemID{first, last}, Domain: "far.test"}, []store.DeliveryID{2}},
		{"no item", store.Filter{Items: []store.ItemID{}}, nil},
		{"code", store.Filter{Reason: "452"}, []store.DeliveryID{2}},
		{"enhanced code", store.Filter{Reason: "4.2.2"}, []store.DeliveryID{2}},
		{"words", store.Filter{Reason: "full 50%"}, []store.DeliveryID{2}},
		{"other words", store.Filter{Reason: "5.2"}, nil},
		{"attempts", store.Filter{Attempts: 1}, []store.DeliveryID{2}},
		{"held by a hold", store.Filter{Held: true}, []store.DeliveryID{4}},
		{"old", store.Filter{Before: now.Add(-time.Hour)}, nil},
		{"new", store.Filter{Since: now.Add(-time.Hour)}, []store.DeliveryID{1, 2, 3, 4}},
		{"not yet come", store.Filter{Since: now.Add(time.Hour)}, nil},
	} {
		for _, limit := range []int{1, 2, 1000} {
			for _, by := range []store.Grouping{store.ByDestination, store.BySender, store.ByReason, store.ByAge} {
				groups, _, err := f.Groups(ctx, c.filter, by, 99)
				ok(t, err)
				sum := int64(0)
				for _, g := range groups {
					sum += g.Deliveries
				}
				if sum != int64(len(c.want)) {
					t.Errorf("%s, counted by %s: %d, want %d", c.name, by, sum, len(c.want))
				}
			}
			if got := f.matched(c.filter, limit); !slices.Equal(got, c.want) {
				t.Errorf("%s, %d at a time: %v, want %v", c.name, limit, got, c.want)
			}
		}
	}

	changed, err := f.Pause(ctx, []store.DeliveryID{1, 3, 99}, true)
	if ok(t, err); changed != 2 {
		t.Errorf("%d are held, want 2", changed)
	}
	if got := f.matched(store.Filter{Held: true}, 9); !slices.Equal(got, []store.DeliveryID{1, 3, 4}) {
		t.Errorf("held are %v", got)
	}
	if changed, err = f.Pause(ctx, []store.DeliveryID{1, 2, 3, 4}, false); err != nil || changed != 2 {
		t.Errorf("%d go on, %v", changed, err)
	}
	if changed, err = f.Resume(ctx, []store.DeliveryID{1, 2, 99}, now); err != nil || changed != 2 {
		t.Errorf("%d are due, %v", changed, err)
	}
	for by, want := range map[store.Grouping]string{store.ByDestination: "to away.test", store.BySender: "<>", store.ByAge: "0", store.ByReason: ""} {
		groups, total, err := f.Groups(ctx, store.Filter{}, by, 1)
		ok(t, err)
		if len(groups) != 1 || total < 1 || by != store.BySender && groups[0].Name != want || groups[0].Oldest == 0 {
			t.Errorf("by %s: %+v of %d", by, groups, total)
		}
	}
}

// The first page of a large queue comes at once, and so does what waits for one
// destination. POSTHORN_QUEUE=1000000 makes it a million.
func TestLargeQueue(t *testing.T) {
	n := 20_000
	if s := os.Getenv("POSTHORN_QUEUE"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	ctx := t.Context()
	f := setUp(t)
	ok(t, f.FillQueue(ctx, n, 1000))
	took := func(name string, do func() error) {
		t.Helper()
		start := time.Now()
		ok(t, do())
		t.Logf("%-40s %v", name, time.Since(start))
	}
	took("the first page", func() error { _, _, err := f.Match(ctx, store.Filter{}, 0, 50); return err })
	took("a page of a destination", func() error {
		found, _, err := f.Match(ctx, store.Filter{Destination: "d999.test"}, 0, 50)
		if len(found) == 0 {
			t.Error("nothing for it")
		}
		return err
	})
	took("all that match nothing", func() error { f.matched(store.Filter{To: "nobody@nowhere.test"}, 50); return nil })
	took("all ids", func() error {
		if got := len(f.matched(store.Filter{}, 1000)); got != n {
			t.Errorf("%d of %d", got, n)
		}
		return nil
	})
	for _, by := range []store.Grouping{store.ByDestination, store.BySender, store.ByAge, store.ByReason} {
		took("groups by "+string(by), func() error {
			groups, total, err := f.Groups(ctx, store.Filter{}, by, 20)
			if len(groups) == 0 || total < len(groups) {
				t.Errorf("%d of %d", len(groups), total)
			}
			return err
		})
	}
}

// Q17: neither the start nor a hold reads the whole queue. An index of some rows only
// is used where the question says which; that it does is easily lost.
func TestSchedulerReadsNoWholeTable(t *testing.T) {
	f := setUp(t)
	for _, query := range store.QueueQueries {
		plan, err := f.Plan(t.Context(), query)
		ok(t, err)
		for _, step := range plan {
			if strings.Contains(step, "SCAN deliveries") || step == "SCAN holds" {
				t.Errorf("%s\n%q", query, plan)
			}
		}
	}
}
