package storetest

import (
	"errors"
	"sync"

	"posthorn/store"
)

var quotaTests = []test{
	{"use is charged for each copy and given back by expunge", quotaUse},
	{"an append over the limit is refused as a whole", quotaRefused},
	{"promises count against the limit until they are released", quotaReserve},
	{"one message of unknown size may go over the limit", quotaOverdraft},
	{"messages are limited too", quotaMessages},
	{"however many ask at once, no more is promised than fits", quotaTogether},
}

func quotaUse(f *fixture) {
	size := int64(len(whole("one")))
	f.deliver(f.alice, "one")
	if u := f.used(f.alice); u != (store.Quota{Bytes: size, Messages: 1}) {
		f.Fatalf("used %+v", u)
	}
	inbox := f.mailbox(f.alice, "INBOX")
	_, err := inbox.Copy(f.ctx, []store.UID{1}, f.box(f.alice, "Archive").ID, store.AllFlags)
	f.must(err)
	if u := f.used(f.alice); u != (store.Quota{Bytes: 2 * size, Messages: 2}) {
		f.Fatalf("used after a copy %+v", u)
	}
	_, err = inbox.Expunge(f.ctx, nil, true)
	f.must(err)
	if u := f.used(f.alice); u != (store.Quota{Bytes: size, Messages: 1}) {
		f.Errorf("used after expunge %+v", u)
	}
}

func quotaRefused(f *fixture) {
	size := int64(len(whole("x")))
	f.must(f.s.SetQuota(f.ctx, f.bob.ID, store.Quota{Bytes: size + 1}))
	blob := f.put("x")
	both := []store.Incoming{{Blob: blob, Account: f.alice.ID, Role: store.RoleInbox}, {Blob: blob, Account: f.bob.ID, Role: store.RoleInbox}}
	f.append(both...)
	blob = f.put("y")
	both[0].Blob, both[1].Blob = blob, blob
	if _, err := f.s.Commit(f.ctx, store.Change{Append: both}); !errors.Is(err, store.ErrOverQuota) {
		f.Fatalf("over the limit: %v", err)
	}
	if b := f.box(f.alice, "INBOX"); b.Messages != 1 {
		f.Errorf("the other mailbox of a refused change holds %d messages", b.Messages)
	}
	both[1].Overdraw = true
	f.append(both...)
	if u := f.used(f.bob); u != (store.Quota{Bytes: 2 * size, Messages: 2}) {
		f.Errorf("used after what was promised at RCPT: %+v", u)
	}
}

func quotaReserve(f *fixture) {
	f.must(f.s.SetQuota(f.ctx, f.bob.ID, store.Quota{Bytes: 1000}))
	first, err := f.s.Reserve(f.ctx, f.bob.ID, 600)
	f.must(err)
	if _, err := f.s.Reserve(f.ctx, f.bob.ID, 401); !errors.Is(err, store.ErrOverQuota) {
		f.Errorf("401 more of 400: %v", err)
	}
	second, err := f.s.Reserve(f.ctx, f.bob.ID, 400)
	f.must(err)
	first()
	first()
	third, err := f.s.Reserve(f.ctx, f.bob.ID, 600)
	f.must(err)
	if _, err := f.s.Reserve(f.ctx, f.bob.ID, 1); !errors.Is(err, store.ErrOverQuota) {
		f.Errorf("one octet too many: %v", err)
	}
	second()
	third()
	f.must(f.s.SetQuota(f.ctx, f.bob.ID, store.Quota{}))
	free, err := f.s.Reserve(f.ctx, f.bob.ID, 1<<40)
	f.must(err)
	free()
	if _, err := f.s.Reserve(f.ctx, 999, 1); !errors.Is(err, store.ErrNotFound) {
		f.Errorf("an unknown account: %v", err)
	}
}

func quotaOverdraft(f *fixture) {
	f.must(f.s.SetQuota(f.ctx, f.bob.ID, store.Quota{Bytes: 1000}))
	overdraft, err := f.s.Reserve(f.ctx, f.bob.ID, 0)
	f.must(err)
	if _, err := f.s.Reserve(f.ctx, f.bob.ID, 0); !errors.Is(err, store.ErrOverQuota) {
		f.Errorf("a second overdraft: %v", err)
	}
	overdraft()
	known, err := f.s.Reserve(f.ctx, f.bob.ID, 1000)
	f.must(err)
	if _, err := f.s.Reserve(f.ctx, f.bob.ID, 0); !errors.Is(err, store.ErrOverQuota) {
		f.Errorf("an overdraft of a full account: %v", err)
	}
	known()
	again, err := f.s.Reserve(f.ctx, f.bob.ID, 0)
	f.must(err)
	again()
}

func quotaMessages(f *fixture) {
	f.must(f.s.SetQuota(f.ctx, f.bob.ID, store.Quota{Messages: 2}))
	f.deliver(f.bob, "one")
	release, err := f.s.Reserve(f.ctx, f.bob.ID, 0)
	f.must(err)
	if _, err := f.s.Reserve(f.ctx, f.bob.ID, 10); !errors.Is(err, store.ErrOverQuota) {
		f.Errorf("a third message: %v", err)
	}
	release()
	f.deliver(f.bob, "two")
	blob := f.put("three")
	defer f.s.Discard(blob)
	_, err = f.s.Commit(f.ctx, store.Change{Append: []store.Incoming{{Blob: blob, Account: f.bob.ID, Role: store.RoleInbox}}})
	if !errors.Is(err, store.ErrOverQuota) {
		f.Errorf("a third message without a promise: %v", err)
	}
}

func quotaTogether(f *fixture) {
	size := int64(len(whole("m")))
	f.must(f.s.SetQuota(f.ctx, f.bob.ID, store.Quota{Bytes: 5 * size}))
	var sessions sync.WaitGroup
	for range 16 {
		sessions.Go(func() {
			release, err := f.s.Reserve(f.ctx, f.bob.ID, size)
			if errors.Is(err, store.ErrOverQuota) {
				return
			}
			if err != nil {
				f.Error(err)
				return
			}
			defer release()
			blob, err := f.s.Put(f.ctx, message("m"))
			if err == nil {
				_, err = f.s.Commit(f.ctx, store.Change{Append: []store.Incoming{{Blob: blob, Account: f.bob.ID, Role: store.RoleInbox, Overdraw: true}}})
			}
			if err != nil {
				f.Error(err)
			}
		})
	}
	sessions.Wait()
	if u := f.used(f.bob); u.Messages > 5 || u.Messages == 0 {
		f.Errorf("%d messages where five fit", u.Messages)
	}
}
