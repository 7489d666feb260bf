package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"posthorn/store"
)

var tlsTests = []test{
	{"an MTA-STS policy is kept until it expires", stsKept},
	{"policies that are due come in order, and only those of use", stsDue},
	{"TLS sessions are counted by day, policy and failure", tlsCounted},
	{"TLS results of a day are reported once for each domain", tlsReported},
}

// at is a time in whole seconds, some hours from now.
func at(hours int) time.Time {
	return time.Unix(time.Now().Unix(), 0).Add(time.Duration(hours) * time.Hour)
}

func stsKept(f *fixture) {
	if _, err := f.s.STSPolicy(f.ctx, "x.test"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("before: %v", err)
	}
	p := store.STSPolicy{Domain: "x.test", ID: "1", Text: "version: STSv1\r\n", Fetched: at(0), Expires: at(10), Refresh: at(5), Used: at(0)}
	f.must(f.s.KeepSTSPolicy(f.ctx, p))
	p.ID, p.Expires = "2", at(20)
	f.must(f.s.KeepSTSPolicy(f.ctx, p))
	if got, err := f.s.STSPolicy(f.ctx, "x.test"); err != nil || got != p {
		f.Errorf("got %+v, %v", got, err)
	}
	for _, step := range [][2]int{{19, 1}, {20, 0}} {
		_, err := f.s.DueSTSPolicies(f.ctx, at(step[0]), at(-1), 10)
		f.must(err)
		if all, err := f.s.STSPolicies(f.ctx); err != nil || len(all) != step[1] {
			f.Errorf("after %d hours: %+v, %v", step[0], all, err)
		}
	}
}

func stsDue(f *fixture) {
	for domain, hours := range map[string][2]int{ // refresh, used
		"late.test": {3, 0}, "later.test": {4, 0}, "first.test": {1, 0}, "unused.test": {1, -100}, "notyet.test": {9, 0},
	} {
		f.must(f.s.KeepSTSPolicy(f.ctx, store.STSPolicy{Domain: domain, ID: "1", Fetched: at(0), Expires: at(100), Refresh: at(hours[0]), Used: at(hours[1])}))
	}
	var got []string
	due, err := f.s.DueSTSPolicies(f.ctx, at(5), at(-50), 2)
	f.must(err)
	for _, p := range due {
		got = append(got, p.Domain)
	}
	if !slices.Equal(got, []string{"first.test", "late.test"}) {
		f.Errorf("due: %q", got)
	}
}

// midnight is a day's beginning, some days from today.
func midnight(days int) time.Time {
	return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, days)
}

func tlsCounted(f *fixture) {
	failure := store.TLSFailure{Result: "certificate-expired", MTA: "mx.x.test", Address: "192.0.2.1", Ours: "192.0.2.9", Reason: "long ago", Sessions: 2}
	other := failure
	other.Result = "starttls-not-supported"
	for range 2 {
		f.must(f.s.CountTLS(f.ctx, []store.TLSPolicy{
			{Day: midnight(0).Add(20 * time.Hour), Domain: "x.test", Kind: "sts", Text: "a\nb", Successes: 3, Failures: []store.TLSFailure{failure, other}},
			{Day: midnight(-1), Domain: "x.test", Kind: "sts", Text: "a\nb", Successes: 1},
			{Day: midnight(0), Domain: "y.test", Kind: "tlsa", Successes: 1},
		}, time.Now()))
	}
	got, err := f.s.TLSResults(f.ctx, midnight(0), "x.test")
	f.must(err)
	failure.Sessions, other.Sessions = 4, 4
	want := []store.TLSPolicy{{Day: midnight(0), Domain: "x.test", Kind: "sts", Text: "a\nb", Successes: 6, Failures: []store.TLSFailure{failure, other}}}
	if !reflect.DeepEqual(got, want) {
		f.Errorf("got %+v", got)
	}
	if all, err := f.s.TLSResults(f.ctx, midnight(-1), ""); err != nil || len(all) != 3 || all[2].Day != midnight(-1) {
		f.Errorf("all: %+v, %v", all, err)
	}
	f.must(f.s.CountTLS(f.ctx, nil, midnight(14)))
	if all, err := f.s.TLSResults(f.ctx, midnight(-1), ""); err != nil || len(all) != 2 {
		f.Errorf("after two weeks: %+v, %v", all, err)
	}
}

func tlsReported(f *fixture) {
	for _, day := range []int{-2, -1, 0} {
		f.must(f.s.CountTLS(f.ctx, []store.TLSPolicy{
			{Day: midnight(day), Domain: "x.test", Kind: "sts", Successes: 1}, {Day: midnight(day), Domain: "x.test", Kind: "no-policy-found", Successes: 2}, {Day: midnight(day), Domain: "y.test", Kind: "tlsa"},
		}, time.Now()))
	}
	var got []string
	for range 5 {
		due, err := f.s.UnreportedTLSResults(f.ctx, midnight(0))
		f.must(err)
		if len(due) == 0 {
			break
		}
		got = append(got, fmt.Sprintf("%s%+d:%d", due[0].Domain, int(due[0].Day.Sub(midnight(0)).Hours())/24, len(due)))
		f.must(f.s.TLSReported(f.ctx, due[0].Day, due[0].Domain))
	}
	if want := []string{"x.test-2:2", "y.test-2:1", "x.test-1:2", "y.test-1:1"}; !slices.Equal(got, want) {
		f.Errorf("got %q", got)
	}
}
