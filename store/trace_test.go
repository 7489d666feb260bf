package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/store"
)

// Messages are found by the addresses in any case and by Message-ID, the newest
// first, over midnights, page by page.
func TestLead(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	now := time.Now()
	at := func(days int) time.Time { return now.AddDate(0, 0, -days) }
	enter := func(e ...store.Event) {
		t.Helper()
		_, err := f.Commit(ctx, store.Change{Events: e})
		ok(t, err)
	}
	enter(store.Event{At: at(20), Kind: "accepted", Session: "OLD", From: "Bob@Away.test", To: "alice@example.test", MessageID: "1@x", Leads: true})
	enter(store.Event{At: at(2), Kind: "accepted", Session: "TWO", From: "alice@example.test", To: "bob@away.test", MessageID: "2@x", Leads: true},
		store.Event{At: at(2), Kind: "deferred", Session: "TWO", From: "alice@example.test", To: "bob@away.test"})
	enter(store.Event{At: at(0), Kind: "relayed", Session: "TWO", From: "alice@example.test", To: "bob@away.test"})
	enter(store.Event{At: at(0), Kind: "accepted", Session: "SELF", From: "bob@away.test", To: "bob@away.test", MessageID: "3@x", Leads: true})

	find := func(l store.Leads) (sessions []string) {
		t.Helper()
		l.Limit = 9
		events, err := f.Lead(ctx, l)
		ok(t, err)
		for _, e := range events {
			sessions = append(sessions, e.Session)
		}
		return sessions
	}
	for _, c := range []struct {
		name string
		ask  store.Leads
		want []string
	}{
		{"sender or recipient", store.Leads{Address: "BOB@away.TEST"}, []string{"SELF", "TWO", "OLD"}},
		{"since", store.Leads{Address: "bob@away.test", Since: at(3)}, []string{"SELF", "TWO"}},
		{"somebody else", store.Leads{Address: "bob"}, nil},
		{"Message-ID", store.Leads{MessageID: "2@x"}, []string{"TWO"}},
		{"no such Message-ID", store.Leads{MessageID: "4@x"}, nil},
	} {
		if got := find(c.ask); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	_, err := f.Lead(ctx, store.Leads{Limit: 9})
	is(t, err, store.ErrInvalid)

	life, err := f.Events(ctx, "two", 0, 9)
	ok(t, err)
	var kinds []string
	for _, e := range life {
		kinds = append(kinds, e.Kind)
	}
	if want := []string{"accepted", "deferred", "relayed"}; !slices.Equal(kinds, want) {
		t.Errorf("life %q, want %q", kinds, want)
	}
	rest, err := f.Events(ctx, "TWO", life[0].ID, 1)
	ok(t, err)
	if len(rest) != 1 || rest[0].ID != life[1].ID {
		t.Errorf("the next page begins with %+v", rest)
	}
	page, err := f.Lead(ctx, store.Leads{Address: "bob@away.test", Limit: 2})
	ok(t, err)
	next, err := f.Lead(ctx, store.Leads{Address: "bob@away.test", Limit: 2, Before: page[1].ID})
	ok(t, err)
	if len(next) != 1 || next[0].Session != "OLD" {
		t.Errorf("the next page is %+v", next)
	}
}

// Every question is answered from an index: a million events are not read for
// one message.
func TestTraceReadsNoWholeTable(t *testing.T) {
	f := setUp(t)
	for _, query := range store.TraceQueries {
		plan, err := f.Plan(t.Context(), query)
		ok(t, err)
		for _, step := range plan {
			if !strings.HasPrefix(step, "SEARCH") {
				t.Errorf("%s\n%s", query, step)
			}
		}
	}
}

func BenchmarkEvent(b *testing.B) {
	f := setUp(b)
	for i := 0; b.Loop(); i++ {
		_, err := f.Commit(b.Context(), store.Change{Events: []store.Event{
			{Kind: "accepted", Session: fmt.Sprintf("%013X", i*7919), From: fmt.Sprintf("%d@example.test", i*31%1000), To: fmt.Sprintf("%d@away.test", i*37), MessageID: fmt.Sprintf("%d@example.test", i*997), Leads: true},
		}})
		ok(b, err)
	}
}
