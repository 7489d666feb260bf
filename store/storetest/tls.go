package storetest

import (
	"errors"
	"slices"
	"time"

	"posthorn/store"
)

var tlsTests = []test{
	{"an MTA-STS policy is kept until it expires", stsKept},
	{"policies that are due come in order, and only those of use", stsDue},
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
