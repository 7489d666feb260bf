package store_test

import (
	"fmt"
	"sync"
	"testing"

	"posthorn/store"
)

// A claim outlives the store, also when nobody has looked for a while.
func TestClaimsAreKept(t *testing.T) {
	f := setUp(t)
	claim := func(to, want store.UID) {
		t.Helper()
		if from, err := f.box("INBOX").ClaimRecent(t.Context(), to); err != nil || from != want {
			t.Errorf("recent from %d, %v; want %d", from, err, want)
		}
	}
	f.deliver(hello, 0)
	f.deliver(hello, 0)
	claim(2, 1)
	f.reopen()
	claim(0, 2)
	claim(3, 2)
	n, err := f.Number(t.Context(), `SELECT first_recent FROM mailboxes WHERE role = 'inbox'`)
	ok(t, err)
	if n != 2 {
		t.Errorf("the database says %d before the claim was written", n)
	}
	ok(t, f.KeepRecents(t.Context()))
	n, err = f.Number(t.Context(), `SELECT first_recent FROM mailboxes WHERE role = 'inbox'`)
	ok(t, err)
	if n != 3 {
		t.Errorf("the database says %d after it was written", n)
	}
	claim(0, 3)
}

// A claim outlives a store that is closed as soon as it is open, too: before its
// background has begun.
func TestClaimsOfAMomentAreKept(t *testing.T) {
	f := setUp(t)
	for n := range store.UID(20) {
		f.deliver(hello, 0)
		if from, err := f.box("INBOX").ClaimRecent(t.Context(), n+2); err != nil || from != n+1 {
			t.Fatalf("recent from %d, %v; want %d", from, err, n+1)
		}
		f.reopen()
	}
}

// A claim that cannot be written holds all the same, and is written later.
func TestClaimsOutliveAFailure(t *testing.T) {
	f := setUp(t)
	f.deliver(hello, 0)
	m := f.box("INBOX")
	if from, err := m.ClaimRecent(t.Context(), 2); err != nil || from != 1 {
		t.Fatalf("recent from %d, %v", from, err)
	}
	ok(t, f.Damage(t.Context(), `CREATE TRIGGER no BEFORE UPDATE OF first_recent ON mailboxes BEGIN SELECT RAISE(ABORT, 'no'); END`))
	if f.KeepRecents(t.Context()) == nil {
		t.Fatal("written in spite of the trigger")
	}
	if from, err := m.ClaimRecent(t.Context(), 2); err != nil || from != 2 {
		t.Errorf("recent from %d, %v after a failure", from, err)
	}
	ok(t, f.Damage(t.Context(), `DROP TRIGGER no`))
	ok(t, f.KeepRecents(t.Context()))
	f.reopen()
	if from, err := f.box("INBOX").ClaimRecent(t.Context(), 0); err != nil || from != 2 {
		t.Errorf("recent from %d, %v after reopening", from, err)
	}
}

// Of many sessions that show a message at once one has it \Recent.
func TestClaimsAtOnce(t *testing.T) {
	f := setUp(t)
	m := f.box("INBOX")
	var mu sync.Mutex
	had := map[store.UID]int{}
	for uid := store.UID(1); uid <= 20; uid++ {
		f.deliver(fmt.Sprintf("Subject: %d\r\n\r\n", uid), 0)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				from, err := m.ClaimRecent(t.Context(), uid+1)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for ; from <= uid; from++ {
					had[from]++
				}
			})
		}
		wg.Go(func() {
			if err := f.KeepRecents(t.Context()); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
	}
	for uid := store.UID(1); uid <= 20; uid++ {
		if had[uid] != 1 {
			t.Errorf("message %d was recent in %d sessions", uid, had[uid])
		}
	}
}
