package storetest

import (
	"errors"
	"fmt"
	"slices"

	"posthorn/store"
)

var flagTests = []test{
	{"flags are set, added and removed, and counted", flagsOps},
	{"a row that would not change keeps its modification sequence", flagsUnchanged},
	{"one operation is one modification sequence", flagsOneSequence},
	{"UNCHANGEDSINCE leaves and names what is newer", flagsConditional},
	{"keywords are made on first use, without regard to case", flagsKeywords},
	{"a mailbox has so many keywords and no more", flagsLimit},
	{"a UID that is not there is passed over", flagsMissing},
}

func (f *fixture) setFlags(m *store.Mailbox, uids []store.UID, op store.SetOp, flags store.Flags, keywords ...string) []store.Row {
	f.Helper()
	changed, failed, err := m.SetFlags(f.ctx, uids, op, flags, keywords, -1)
	f.must(err)
	if len(failed) > 0 {
		f.Fatalf("failed %v without a condition", failed)
	}
	return changed
}

func flagsOps(f *fixture) {
	uids := f.fill(f.alice, 3)
	m := f.mailbox(f.alice, "INBOX")
	for _, step := range []struct {
		op              store.SetOp
		flags, want     store.Flags
		unseen, deleted int64
	}{
		{store.FlagsSet, store.FlagSeen | store.FlagDeleted, store.FlagSeen | store.FlagDeleted, 1, 2},
		{store.FlagsAdd, store.FlagFlagged, store.FlagSeen | store.FlagDeleted | store.FlagFlagged, 1, 2},
		{store.FlagsRemove, store.FlagSeen | store.FlagDraft, store.FlagDeleted | store.FlagFlagged, 3, 2},
		{store.FlagsSet, 0, 0, 3, 0},
	} {
		f.setFlags(m, uids[:2], step.op, step.flags)
		for i, r := range f.rows(m) {
			if want := step.want; i < 2 && r.Flags != want || i == 2 && r.Flags != 0 {
				f.Errorf("%+v: row %+v", step, r)
			}
		}
		if b := f.box(f.alice, "INBOX"); b.Unseen != step.unseen || b.Deleted != step.deleted {
			f.Errorf("%+v: mailbox %+v", step, b)
		}
	}
}

func flagsUnchanged(f *fixture) {
	uids := f.fill(f.alice, 2)
	m := f.mailbox(f.alice, "INBOX")
	f.setFlags(m, uids[:1], store.FlagsAdd, store.FlagSeen)
	before := f.rows(m)
	at := f.box(f.alice, "INBOX").ModSeq
	changed := f.setFlags(m, uids, store.FlagsAdd, store.FlagSeen)
	after := f.rows(m)
	if len(changed) != 1 || changed[0].UID != uids[1] || after[0] != before[0] || after[1].ModSeq <= at {
		f.Errorf("changed %+v; rows %+v, then %+v", changed, before, after)
	}
	at = f.box(f.alice, "INBOX").ModSeq
	if changed := f.setFlags(m, uids, store.FlagsSet, store.FlagSeen); len(changed) != 0 || f.box(f.alice, "INBOX").ModSeq != at {
		f.Errorf("nothing to change: %+v", changed)
	}
}

func flagsOneSequence(f *fixture) {
	uids := f.fill(f.alice, 3)
	m := f.mailbox(f.alice, "INBOX")
	changed := f.setFlags(m, uids, store.FlagsAdd, store.FlagAnswered)
	if len(changed) != 3 || changed[0].ModSeq != changed[2].ModSeq || changed[0].ModSeq != f.box(f.alice, "INBOX").ModSeq {
		f.Errorf("changed %+v", changed)
	}
	if next := f.setFlags(m, uids[:1], store.FlagsSet, 0); next[0].ModSeq <= changed[0].ModSeq {
		f.Errorf("the next operation: %+v", next)
	}
}

func flagsConditional(f *fixture) {
	uids := f.fill(f.alice, 3)
	m := f.mailbox(f.alice, "INBOX")
	at := f.box(f.alice, "INBOX").ModSeq
	f.setFlags(m, uids[1:2], store.FlagsAdd, store.FlagFlagged)
	changed, failed, err := m.SetFlags(f.ctx, uids, store.FlagsAdd, store.FlagSeen, nil, at)
	f.must(err)
	if got := uidsOf(changed); !slices.Equal(got, []store.UID{uids[0], uids[2]}) || !slices.Equal(failed, uids[1:2]) {
		f.Errorf("changed %v, failed %v", got, failed)
	}
	if _, failed, err = m.SetFlags(f.ctx, uids, store.FlagsAdd, store.FlagDraft, nil, 0); err != nil || !slices.Equal(failed, uids) {
		f.Errorf("since 0: failed %v, %v", failed, err)
	}
}

func flagsKeywords(f *fixture) {
	uids := f.fill(f.alice, 2)
	m := f.mailbox(f.alice, "INBOX")
	f.setFlags(m, uids[:1], store.FlagsAdd, 0, "$Junk", "Red")
	f.setFlags(m, uids[1:], store.FlagsAdd, store.FlagSeen, "RED")
	b := f.box(f.alice, "INBOX")
	if !slices.Equal(b.Keywords, []string{"$Junk", "Red"}) {
		f.Fatalf("keywords %q", b.Keywords)
	}
	rows := f.rows(m)
	if rows[0].Flags>>store.KeywordBase != 3 || rows[1].Flags != store.FlagSeen|2<<store.KeywordBase {
		f.Errorf("rows %+v", rows)
	}
	f.setFlags(m, uids[:1], store.FlagsRemove, 0, "red", "never")
	if rows := f.rows(m); rows[0].Flags>>store.KeywordBase != 1 {
		f.Errorf("after removal %+v", rows)
	}
	if b := f.box(f.alice, "INBOX"); len(b.Keywords) != 2 {
		f.Errorf("removing made a keyword: %q", b.Keywords)
	}
}

func flagsLimit(f *fixture) {
	uids := f.fill(f.alice, 1)
	m := f.mailbox(f.alice, "INBOX")
	for i := range store.MaxKeywords {
		f.setFlags(m, uids, store.FlagsAdd, 0, fmt.Sprintf("k%d", i))
	}
	if _, _, err := m.SetFlags(f.ctx, uids, store.FlagsAdd, store.FlagSeen, []string{"one-more"}, -1); !errors.Is(err, store.ErrLimit) {
		f.Errorf("one more: %v", err)
	}
	r := f.rows(m)[0]
	if want := ^store.Flags(0) >> store.KeywordBase << store.KeywordBase; r.Flags != want {
		f.Errorf("flags %x, want %x", r.Flags, want)
	}
}

func flagsMissing(f *fixture) {
	uids := f.fill(f.alice, 2)
	m := f.mailbox(f.alice, "INBOX")
	_, err := m.Expunge(f.ctx, uids[:1], true)
	f.must(err)
	if got := uidsOf(f.setFlags(m, []store.UID{uids[0], uids[1], 77}, store.FlagsAdd, store.FlagSeen)); !slices.Equal(got, uids[1:]) {
		f.Errorf("changed %v", got)
	}
}
