package storetest

import (
	"errors"
	"slices"

	"posthorn/store"
)

var expungeTests = []test{
	{"only what has \\Deleted goes, and of it what was named", expungeDeleted},
	{"POP3 removes without the flag", expungeAny},
	{"what is gone already counts as done", expungeTwice},
	{"an expunged message can be read for a while", expungeReadable},
	{"UIDs are never given again", expungeUIDs},
}

func expungeDeleted(f *fixture) {
	uids := f.fill(f.alice, 4)
	m := f.mailbox(f.alice, "INBOX")
	f.setFlags(m, uids[1:], store.FlagsAdd, store.FlagDeleted)
	got, err := m.Expunge(f.ctx, uids[:2], false)
	f.must(err)
	if !slices.Equal(got, uids[1:2]) {
		f.Errorf("of the first two went %v", got)
	}
	got, err = m.Expunge(f.ctx, nil, false)
	f.must(err)
	if !slices.Equal(got, uids[2:]) {
		f.Errorf("of all went %v", got)
	}
	if b := f.box(f.alice, "INBOX"); b.Messages != 1 || b.Deleted != 0 || b.Unseen != 1 || b.Size != f.used(f.alice).Bytes {
		f.Errorf("mailbox %+v", b)
	}
}

func expungeAny(f *fixture) {
	uids := f.fill(f.alice, 3)
	got, err := f.mailbox(f.alice, "INBOX").Expunge(f.ctx, uids[1:2], true)
	f.must(err)
	if !slices.Equal(got, uids[1:2]) {
		f.Errorf("went %v", got)
	}
}

func expungeTwice(f *fixture) {
	uids := f.fill(f.alice, 2)
	m := f.mailbox(f.alice, "INBOX")
	_, err := m.Expunge(f.ctx, uids[:1], true)
	f.must(err)
	at := f.box(f.alice, "INBOX").ModSeq
	_, err = m.Expunge(f.ctx, append(uids[:1:1], 99), true)
	f.must(err)
	if b := f.box(f.alice, "INBOX"); b.ModSeq != at || b.Messages != 1 {
		f.Errorf("the second time changed %+v", b)
	}
}

func expungeReadable(f *fixture) {
	uids := f.fill(f.alice, 1)
	m := f.mailbox(f.alice, "INBOX")
	msg := f.messages(m, uids[0])[0]
	_, err := m.Expunge(f.ctx, nil, true)
	f.must(err)
	r, err := m.Open(f.ctx, msg)
	if err != nil {
		f.Fatalf("a view that still shows it cannot read it: %v", err)
	}
	r.Close()
	if again := f.messages(m, uids[0]); again[0].Key != msg.Key {
		f.Errorf("its row is %+v", again[0])
	}
}

func expungeUIDs(f *fixture) {
	uids := f.fill(f.alice, 2)
	m := f.mailbox(f.alice, "INBOX")
	_, err := m.Expunge(f.ctx, nil, true)
	f.must(err)
	if a := f.deliver(f.alice, "next"); a.UID <= uids[1] {
		f.Errorf("UID %d again", a.UID)
	}
	if _, err := m.Open(f.ctx, store.Message{Row: store.Row{UID: 77}, Key: "none"}); err == nil || errors.Is(err, store.ErrOverQuota) {
		f.Errorf("a message that never was: %v", err)
	}
}
