package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sort"
	"testing"

	"posthorn/store"
	"posthorn/store/maildir"
	"posthorn/store/powercut"
)

// Whoever makes the data folder makes its entry durable, and those of the folders
// above that are made with it: else a cut takes all of it, whatever was answered.
func TestPowerCutAfterTheFirstStart(t *testing.T) {
	above := onMemory(t)
	const data = "var/lib/posthorn"
	root := filepath.Join(above, data)
	rec, err := powercut.Record(above, maildir.System{}, 0)
	ok(t, err)
	s, err := store.Open(t.Context(), root, maildir.NewOn(rec, root), store.Options{})
	ok(t, err)
	s.Halt() // it would sync the whole disk
	ok(t, (&load{Store: s, ctx: t.Context()}).begin(1))
	rec.Say("there is an account")
	ok(t, s.Close())
	l := rec.Stop()
	// Only a cut after the word can take what was told.
	from := sort.Search(l.Len(), func(cut int) (told bool) {
		l.Words(cut, func(string) { told = true })
		return told
	})
	verify := func(dir string, _ *powercut.Log, _ int, _ powercut.Model) error {
		root := filepath.Join(dir, data)
		s, err := store.Open(context.Background(), root, maildir.New(root), store.Options{})
		if err != nil {
			return err
		}
		defer s.Close()
		accounts, err := s.Accounts(context.Background())
		if err == nil && len(accounts) != 1 {
			err = fmt.Errorf("there are %d accounts", len(accounts))
		}
		return err
	}
	points := l.Len() - from
	t.Logf("%d calls, %d of them after the word", l.Len(), points)
	points = max(min(points, cuts()/6), powercut.Models)
	(&search{t: t, log: l, from: from, points: points, seed: 1, verify: verify}).run()
	for _, folder := range []string{".", "var", "var/lib"} {
		lies := &search{t: t, log: l.Lying(func(path string) bool { return path == folder }), from: from, points: points, seed: 1, verify: verify, expected: true}
		if lies.run(); lies.violations.Load() == 0 {
			t.Errorf("without the sync of %s nothing was found", folder)
		}
	}
}
