package store_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"posthorn/store"
)

// Rows that lie side by side are changed by one statement, and whatever stands
// between them is left alone: other flags, a newer change, a gap, a UID that was
// not named. S5, S6.
func TestSetFlagsChangesWhatItNames(t *testing.T) {
	f := setUp(t)
	r := rand.New(rand.NewPCG(1, 2))
	var uids []store.UID
	for range 40 {
		uids = append(uids, f.deliver(hello, store.Flags(r.Uint64N(8))).UID)
	}
	inbox := f.box("INBOX")
	_, err := inbox.Expunge(t.Context(), uids[10:13], true)
	ok(t, err)
	rows := rowsIn(t, inbox)
	for round := range 200 {
		named := slices.DeleteFunc(slices.Clone(uids), func(store.UID) bool { return r.IntN(4) == 0 })
		op, bits, since := store.SetOp(r.IntN(3)), store.Flags(r.Uint64N(8)), store.ModSeq(-1)
		if r.IntN(2) == 0 {
			since = rows[r.IntN(len(rows))].ModSeq
		}
		changed, failed, err := inbox.SetFlags(t.Context(), named, op, bits, nil, since)
		ok(t, err)
		for i, row := range rows {
			now := []store.Flags{bits, row.Flags | bits, row.Flags &^ bits}[op]
			newer := slices.Contains(named, row.UID) && since >= 0 && row.ModSeq > since
			if slices.Contains(failed, row.UID) != newer {
				t.Fatalf("round %d: UID %d failed: %v", round, row.UID, !newer)
			}
			at := slices.IndexFunc(changed, func(c store.Row) bool { return c.UID == row.UID })
			if told, changes := at >= 0, slices.Contains(named, row.UID) && !newer && now != row.Flags; told != changes {
				t.Fatalf("round %d: UID %d told: %v", round, row.UID, told)
			}
			if at >= 0 {
				rows[i] = store.Row{UID: row.UID, Flags: now, ModSeq: changed[at].ModSeq}
			}
		}
		if got := rowsIn(t, inbox); !slices.Equal(got, rows) {
			t.Fatalf("round %d: %v, not %v", round, got, rows)
		}
	}
	if found := f.problems(false); len(found) > 0 {
		t.Errorf("check: %v", found)
	}
}

func rowsIn(t *testing.T, m *store.Mailbox) (all []store.Row) {
	t.Helper()
	_, err := m.Rows(t.Context(), func(rows []store.Row) { all = append(all, rows...) })
	ok(t, err)
	return all
}
