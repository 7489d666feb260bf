package store_test

import (
	"testing"
	"time"

	"posthorn/store"
)

// A Change with a notice that was given before does not happen; after a day the
// notice may be given again, and nothing of it is kept.
func TestNoticeRefusesItsChange(t *testing.T) {
	ctx := t.Context()
	f := setUp(t)
	n := store.Notice{Kind: "blocked", Key: "away.test"}
	told := func(want bool) {
		t.Helper()
		yes, err := f.Noticed(ctx, n, 0)
		ok(t, err)
		if yes != want {
			t.Errorf("told: %v, want %v", yes, want)
		}
	}
	told(false)
	_, err := f.Commit(ctx, store.Change{Notices: []store.Notice{n}})
	ok(t, err)
	told(true)
	_, err = f.Commit(ctx, store.Change{Notices: []store.Notice{n}, Events: []store.Event{{Kind: "x", Session: "A"}}})
	is(t, err, store.ErrExists)
	if events, err := f.Events(ctx, "A", 0, 9); err != nil || len(events) != 0 {
		t.Errorf("the rest of the change happened: %v, %v", events, err)
	}
	f.purge(time.Now().Add(store.NoticeDay - time.Minute))
	told(true)
	f.purge(time.Now().Add(store.NoticeDay + time.Minute))
	told(false)
}
