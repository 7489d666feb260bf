package storetest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// from queues one message of a sender, due now.
func (f *fixture) from(sender, login string, to ...string) store.Item {
	f.Helper()
	from, err := mail.ParsePath(sender)
	f.must(err)
	sp := store.Spooled{Blob: f.put("spooled"), QueueID: mail.NewID(), Expires: time.Now().Add(time.Hour),
		Envelope: mail.Envelope{From: from}, Origin: mail.Origin{Login: login}}
	for _, t := range to {
		p, err := mail.ParsePath(t)
		f.must(err)
		sp.Deliveries = append(sp.Deliveries, store.NewDelivery{Recipient: mail.Recipient{Path: p}, Destination: p.Domain})
	}
	r, err := f.s.Commit(f.ctx, store.Change{Spool: []store.Spooled{sp}})
	f.must(err)
	it, err := f.s.Item(f.ctx, r.Items[0])
	f.must(err)
	return it
}

// claimed are the local parts of what can be claimed at a time, which it gives
// back.
func (f *fixture) claimed(now time.Time) string {
	f.Helper()
	var names []string
	var ids []store.DeliveryID
	for _, d := range f.claim(now, 100) {
		names = append(names, d.Recipient.Path.Local)
		ids = append(ids, d.ID)
	}
	f.must(f.s.Unclaim(f.ctx, ids))
	slices.Sort(names)
	return strings.Join(names, " ")
}

// free frees all that is to be freed at a time, and gives the next.
func (f *fixture) free(now time.Time) time.Time {
	f.Helper()
	for {
		more, next, err := f.s.FreeHeld(f.ctx, now)
		f.must(err)
		if !more {
			return next
		}
	}
}

func queueHolds(f *fixture) {
	first := f.from("Ann@One.test", "ann@here.test", "a@x.test", "b@y.test")
	f.from("bob@one.test", "bob@here.test", "c@x.test")
	f.from("", "", "d@y.test")
	for _, c := range []struct {
		kind store.HoldKind
		what string
		left string
	}{
		{store.HoldItem, first.QueueID, "c d"},
		{store.HoldSender, "ann@one.test", "c d"},
		{store.HoldSender, "ann@here.test", "c d"},
		{store.HoldSender, "one.test", "d"},
		{store.HoldSender, "<>", "a b c"},
		{store.HoldSender, "here.test", "a b c d"},
		{store.HoldDestination, "x.test", "b d"},
		{store.HoldDestination, "z.test", "a b c d"},
	} {
		h := store.Hold{Kind: c.kind, What: c.what, Reason: "to see", By: store.ByAdmin}
		f.must(f.s.SetHold(f.ctx, h))
		now := time.Now()
		for range 2 {
			if got := f.claimed(now); got != c.left {
				f.Errorf("%s %s: %q can be claimed, want %q", c.kind, c.what, got, c.left)
			}
		}
		if next, err := f.s.NextDue(f.ctx, store.Room{1}); err == nil && c.left == "" {
			f.Errorf("%s %s: something is due at %s", c.kind, c.what, next)
		}
		all, err := f.s.Holds(f.ctx)
		f.must(err)
		if len(all) != 1 || all[0].Kind != c.kind || all[0].What != c.what || all[0].Reason != "to see" || all[0].By != store.ByAdmin || !all[0].Until.IsZero() {
			f.Errorf("holds %+v", all)
		}
		if left := strings.Fields(c.left); len(left) < 4 != (all[0].Fits(first, "x.test") || c.what == "<>") {
			f.Errorf("%s %s fits the first message: %v", c.kind, c.what, all[0].Fits(first, "x.test"))
		}
		f.must(f.s.EndHold(f.ctx, c.kind, c.what))
		if err := f.s.EndHold(f.ctx, c.kind, c.what); !errors.Is(err, store.ErrNotFound) {
			f.Errorf("ended twice: %v", err)
		}
		if next := f.free(now); !next.IsZero() {
			f.Errorf("without holds there is something to do at %s", next)
		}
		if got := f.claimed(now); got != "a b c d" {
			f.Errorf("%s %s: %q can be claimed after it has ended", c.kind, c.what, got)
		}
	}
	for _, h := range []store.Hold{{Kind: store.HoldSender, By: store.ByAdmin}, {Kind: store.HoldAll, What: "x", By: store.ByAdmin}, {Kind: store.HoldAll}} {
		if err := f.s.SetHold(f.ctx, h); !errors.Is(err, store.ErrInvalid) {
			f.Errorf("%+v: %v", h, err)
		}
	}
}

// Two holds of one delivery: the second keeps it when the first has ended.
func queueHoldsAll(f *fixture) {
	f.from("ann@one.test", "", "a@x.test", "b@y.test")
	now := time.Now()
	f.must(f.s.SetHold(f.ctx, store.Hold{Kind: store.HoldDestination, What: "x.test", By: store.ByAdmin}))
	f.must(f.s.SetHold(f.ctx, store.Hold{Kind: store.HoldSender, What: "one.test", By: store.ByAdmin}))
	if got := f.claimed(now); got != "" {
		f.Errorf("%q can be claimed", got)
	}
	f.must(f.s.EndHold(f.ctx, store.HoldSender, "one.test"))
	f.must(f.s.SetHold(f.ctx, store.Hold{Kind: store.HoldAll, By: store.ByAdmin, Until: now.Add(time.Hour)}))
	if next := f.free(now); !next.Equal(now.Add(time.Hour)) {
		f.Errorf("the next is at %s", next)
	}
	if _, err := f.s.NextDue(f.ctx, store.Room{1, 1, 1}); !errors.Is(err, store.ErrNotFound) || f.claimed(now) != "" {
		f.Errorf("something is due: %v", err)
	}
	if later := now.Add(2 * time.Hour); f.free(later) != (time.Time{}) || f.claimed(later) != "b" {
		f.Error("the hold did not end by itself")
	}
}

func queueHoldPasses(f *fixture) {
	f.must(f.s.SetHold(f.ctx, store.Hold{Kind: store.HoldDestination, What: "x.test", By: store.ByProgram, Every: time.Minute, Probe: true}))
	f.from("ann@one.test", "", "a@x.test", "b@x.test")
	f.from("ann@one.test", "", "c@x.test", "free@y.test")
	f.from("ann@one.test", "", "d@x.test")
	now := time.Now()
	if got := f.claimed(now); got != "free" {
		f.Errorf("%q can be claimed at once", got)
	}
	next := f.free(now)
	if d := next.Sub(now); d > time.Minute || d < 50*time.Second {
		f.Errorf("the first passes after %s", d)
	}
	for _, want := range []string{"a b", "c", "d"} {
		if f.free(next.Add(-time.Nanosecond)); f.claimed(next.Add(-time.Nanosecond)) != "free" {
			f.Error("one passed too early")
		}
		at := next
		next = f.free(at)
		var names []string
		var done []store.Settlement
		for _, d := range f.claim(at, 100) {
			if d.Destination != "x.test" {
				f.must(f.s.Unclaim(f.ctx, []store.DeliveryID{d.ID}))
				continue
			}
			if !d.Probes || d.Under == 0 {
				f.Errorf("%s does not know that it probes", d.Recipient.Path)
			}
			names = append(names, d.Recipient.Path.Local)
			done = append(done, store.Settlement{Delivery: d.ID, State: store.Done})
		}
		if got := strings.Join(names, " "); got != want {
			f.Errorf("%q passed, want %q", got, want)
		}
		f.must(f.settle(done...))
		if want != "d" && !next.Equal(at.Add(time.Minute)) {
			f.Errorf("the next passes at %s", next)
		}
	}
	if next := f.free(now.Add(time.Hour)); !next.IsZero() {
		f.Errorf("with nothing kept the next passes at %s", next)
	}
	// Time has passed since: the next that comes need not wait.
	f.from("ann@one.test", "", "e@x.test")
	f.from("ann@one.test", "", "f@x.test")
	if got := f.claimed(now.Add(time.Hour)); got != "e free" {
		f.Errorf("%q can be claimed later", got)
	}
}

func queueHoldAges(f *fixture) {
	it := f.from("ann@one.test", "", "a@x.test")
	at := it.Arrived
	f.must(f.s.SetHold(f.ctx, store.Hold{Kind: store.HoldDestination, What: "x.test", By: store.ByProgram, Notice: 4 * time.Hour, Age: 24 * time.Hour}))
	for _, c := range []struct {
		age  time.Duration
		want string
	}{{0, ""}, {4*time.Hour - 1, ""}, {4 * time.Hour, "a"}, {24*time.Hour - 1, ""}, {24 * time.Hour, "a"}, {25 * time.Hour, "a"}} {
		for _, want := range []string{c.want, ""} {
			if c.age >= 24*time.Hour {
				want = "a"
			}
			if got := f.claimed(at.Add(c.age)); got != want {
				f.Errorf("%q can be claimed at the age of %s, want %q", got, c.age, want)
			}
		}
	}
}

func queueHoldRanks(f *fixture) {
	admins := store.Hold{Kind: store.HoldDestination, What: "x.test", Reason: "mine", By: store.ByAdmin}
	programs := store.Hold{Kind: store.HoldDestination, What: "x.test", Reason: "its", By: store.ByProgram, Until: time.Now().Add(time.Hour)}
	for _, c := range []struct {
		set  []store.Hold
		want string
	}{{[]store.Hold{admins, programs}, "mine"}, {[]store.Hold{programs, admins}, "mine"}, {[]store.Hold{programs}, "its"}} {
		for _, h := range c.set {
			f.must(f.s.SetHold(f.ctx, h))
		}
		all, err := f.s.Holds(f.ctx)
		f.must(err)
		if len(all) != 1 || all[0].Reason != c.want {
			f.Fatalf("holds %+v, want %q", all, c.want)
		}
		_, err = f.s.Commit(f.ctx, store.Change{Unhold: []store.HoldID{all[0].ID}})
		f.must(err)
		left, err := f.s.Holds(f.ctx)
		f.must(err)
		if (len(left) == 0) != (c.want == "its") {
			f.Errorf("after the program has ended it: %+v", left)
		}
		if len(left) > 0 {
			f.must(f.s.EndHold(f.ctx, store.HoldDestination, "x.test"))
		}
	}
}

func queuePriorities(f *fixture) {
	var all []store.Spooled
	for _, p := range []store.Priority{store.Reports, store.Bulk, store.People} {
		for _, name := range []string{"1", "2", "3"} {
			all = append(all, store.Spooled{Blob: f.put("spooled"), QueueID: mail.NewID(), Expires: time.Now().Add(time.Hour), Priority: p,
				Deliveries: []store.NewDelivery{{Recipient: mail.Recipient{Path: mail.Path{Local: []string{"p", "b", "r"}[p] + name, Domain: "x.test"}}, Destination: "x.test"}}})
		}
	}
	_, err := f.s.Commit(f.ctx, store.Change{Spool: all})
	f.must(err)
	now := time.Now()
	c, err := f.s.ClaimDue(f.ctx, now, now.Add(time.Minute), store.Room{3, 2, 1})
	f.must(err)
	var names []string
	for _, d := range c.Deliveries {
		names = append(names, d.Recipient.Path.Local)
	}
	if got := strings.Join(names, " "); got != "p1 p2 p3 b1 b2 r1" || c.Deliveries[3].Priority != store.Bulk {
		f.Errorf("claimed %q", got)
	}
	for p, want := range []bool{false, true, true} {
		var room store.Room
		room[p] = 1
		if at, err := f.s.NextDue(f.ctx, room); err != nil || at.After(now) == want {
			f.Errorf("priority %d is next due at %s, %v", p, at, err)
		}
	}
	if _, err := f.s.NextDue(f.ctx, store.Room{}); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("without room something is due: %v", err)
	}
}
