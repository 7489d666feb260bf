package storetest

import (
	"errors"

	"posthorn/store"
)

var maildropTests = []test{
	{"a maildrop is locked by one session", maildropLock},
}

func maildropLock(f *fixture) {
	release, err := f.s.LockMaildrop(f.ctx, f.alice.ID, "session 1")
	f.must(err)
	for _, owner := range []string{"session 1", "session 2"} {
		if _, err := f.s.LockMaildrop(f.ctx, f.alice.ID, owner); !errors.Is(err, store.ErrLocked) {
			f.Errorf("%s: %v", owner, err)
		}
	}
	other, err := f.s.LockMaildrop(f.ctx, f.bob.ID, "session 3")
	f.must(err)
	other()
	release()
	release()
	again, err := f.s.LockMaildrop(f.ctx, f.alice.ID, "session 2")
	f.must(err)
	again()
	if _, err := f.s.LockMaildrop(f.ctx, 999, "session 4"); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("an unknown account: %v", err)
	}
}
