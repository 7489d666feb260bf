package imapd

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// rows lists a version.
func (v *version) rows() (all []store.Row) {
	v.each(v.all(), func(_ uint32, r store.Row) bool {
		all = append(all, r)
		return true
	})
	return all
}

// randomChanges makes changes of a mailbox that holds old, and what it holds
// afterwards.
func randomChanges(r *rand.Rand, old []store.Row, next *store.UID, at *store.ModSeq) (store.Changes, []store.Row) {
	ch := store.Changes{}
	*at++
	var now []store.Row
	most := max(1, r.IntN(1+len(old)))
	from, to := 0, len(old)
	if len(old) > 0 {
		from = r.IntN(len(old))
		to = min(len(old), from+most)
	}
	for i, row := range old {
		if i < from || i >= to {
			now = append(now, row)
			continue
		}
		switch r.IntN(3) {
		case 0:
			if n := len(ch.Expunged); n > 0 && r.IntN(2) == 0 && i > 0 && ch.Expunged[n-1].Last == old[i-1].UID {
				ch.Expunged[n-1].Last = row.UID // what lies between was gone before
				continue
			}
			ch.Expunged = append(ch.Expunged, store.UIDRange{First: row.UID, Last: row.UID})
			continue
		case 1:
			row.Flags, row.ModSeq = store.Flags(r.IntN(32)), *at
			ch.Rows = append(ch.Rows, row)
		}
		now = append(now, row)
	}
	for range r.IntN(4) * r.IntN(3000) {
		*next += store.UID(1 + r.IntN(3))
		row := store.Row{UID: *next, Flags: store.Flags(r.IntN(32)), ModSeq: *at}
		ch.Rows = append(ch.Rows, row)
		now = append(now, row)
	}
	ch.At, ch.Box = *at, store.Box{UIDNext: *next + 1, ModSeq: *at}
	return ch, now
}

// A version advanced by changes holds what the mailbox holds, shares what did
// not change, and its difference to the one before leads from one to the
// other.
func TestVersions(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 1))
		v := newVersion(0, store.Box{}, nil)
		var want []store.Row
		var next store.UID
		var at store.ModSeq
		for step := range 20 {
			var ch store.Changes
			old := want
			ch, want = randomChanges(r, old, &next, &at)
			before := v
			v = before.apply(ch)
			if got := v.rows(); !slices.Equal(got, want) || int(v.count) != len(want) {
				t.Fatalf("seed %d step %d: %d rows, want %d", seed, step, len(got), len(want))
			}
			if got := before.rows(); !slices.Equal(got, old) {
				t.Fatalf("seed %d step %d: the old version changed", seed, step)
			}
			for _, c := range v.chunks {
				if len(c) == 0 || len(c) > chunkRows {
					t.Fatalf("seed %d step %d: a chunk of %d rows", seed, step, len(c))
				}
			}
			if got := replay(old, want, diff(before, v, false)); !reflect.DeepEqual(got, flagsOf(want)) {
				t.Fatalf("seed %d step %d: the difference does not lead from %d to %d rows", seed, step, len(old), len(want))
			}
		}
	}
}

func flagsOf(rows []store.Row) []store.Flags {
	out := make([]store.Flags, len(rows))
	for i, r := range rows {
		out[i] = r.Flags
	}
	return out
}

// replay does to a client's list of flags what the difference would make the
// server say.
func replay(old, now []store.Row, d difference) []store.Flags {
	flags := flagsOf(old)
	for _, n := range slices.Backward(d.expunged) {
		flags = slices.Delete(flags, int(n)-1, int(n))
	}
	for range d.added {
		flags = append(flags, now[len(flags)].Flags)
	}
	for _, n := range d.changed {
		flags[n-1] = now[n-1].Flags
	}
	return flags
}

func TestChunksAreShared(t *testing.T) {
	var rows []store.Row
	for u := range store.UID(10 * chunkRows) {
		rows = append(rows, store.Row{UID: u + 1, ModSeq: 1})
	}
	v := newVersion(1, store.Box{}, appendChunk(nil, rows))
	next := v.apply(store.Changes{At: 2, Rows: []store.Row{{UID: 5, Flags: 1, ModSeq: 2}}})
	shared := 0
	for i := range next.chunks {
		if same(v.chunks[i], next.chunks[i]) {
			shared++
		}
	}
	if shared != 9 {
		t.Errorf("%d of 10 chunks are shared after a change of one message", shared)
	}
}

func TestLookups(t *testing.T) {
	var rows []store.Row
	for u := range store.UID(3*chunkRows + 7) {
		rows = append(rows, store.Row{UID: 2 * (u + 1)})
	}
	v := newVersion(1, store.Box{}, appendChunk(nil, rows))
	for _, n := range []uint32{1, 2, chunkRows, chunkRows + 1, 2 * chunkRows, v.count} {
		u := store.UID(2 * n)
		if got, ok := v.number(u); got != n || !ok || v.row(n).UID != u {
			t.Errorf("UID %d: number %d, %v", u, got, ok)
		}
		if _, ok := v.number(u + 1); ok {
			t.Errorf("UID %d was found", u+1)
		}
	}
	whole := &view{seen: v}
	for _, test := range []struct {
		set   []wire.Range
		byUID bool
		want  []wire.Range // nil: none
		bad   bool
	}{
		{[]wire.Range{{A: 1, B: 0}}, false, []wire.Range{{A: 1, B: v.count}}, false},
		{[]wire.Range{{A: v.count + 1, B: v.count + 1}}, false, nil, true},
		{[]wire.Range{{A: v.count + 1, B: 0}}, false, nil, true},
		{[]wire.Range{{A: 1, B: 3}, {A: 4, B: 8}}, true, []wire.Range{{A: 1, B: 4}}, false},
		{[]wire.Range{{A: 3, B: 3}}, true, nil, false},
		{[]wire.Range{{A: 1 << 31, B: 0}}, true, []wire.Range{{A: v.count, B: v.count}}, false},
		{[]wire.Range{{A: 1, B: 1<<32 - 1}}, true, []wire.Range{{A: 1, B: v.count}}, false},
		{[]wire.Range{{A: 0, B: 0}}, true, []wire.Range{{A: v.count, B: v.count}}, false},
	} {
		got, err := whole.resolve(wire.Set{Ranges: test.set}, test.byUID)
		if (err != nil) != test.bad || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%v by UID %v: %v, %v, want %v", test.set, test.byUID, got, err, test.want)
		}
	}
	empty := &view{seen: newVersion(0, store.Box{}, nil)}
	if _, err := empty.resolve(wire.Set{Ranges: []wire.Range{{A: 0, B: 0}}}, false); err == nil {
		t.Error("* named a message of an empty mailbox")
	}
	if got, err := empty.resolve(wire.Set{Ranges: []wire.Range{{A: 1, B: 0}}}, true); got != nil || err != nil {
		t.Errorf("UID 1:* of an empty mailbox: %v, %v", got, err)
	}
}

// The first message without \Seen is each version's own.
func TestFirstUnseen(t *testing.T) {
	v := newVersion(1, store.Box{}, nil)
	for i, c := range []struct {
		rows []store.Row
		want uint32
	}{
		{nil, 0},
		{[]store.Row{{UID: 1, Flags: store.FlagSeen}, {UID: 2, Flags: store.FlagSeen}}, 0},
		{[]store.Row{{UID: 3}, {UID: 4}}, 3},
		{[]store.Row{{UID: 3, Flags: store.FlagSeen}}, 4},
		{[]store.Row{{UID: 1}}, 1},
	} {
		v = v.apply(store.Changes{Rows: c.rows})
		for range 2 {
			if got := v.firstUnseen(); got != c.want {
				t.Errorf("step %d: %d, want %d", i, got, c.want)
			}
		}
	}
}

// BenchmarkOneChange makes and tells a version in which one message of many has
// changed.
func BenchmarkOneChange(b *testing.B) {
	for _, n := range []store.UID{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var chunks [][]store.Row
			for u := range n {
				if u%chunkRows == 0 {
					chunks = append(chunks, make([]store.Row, 0, chunkRows))
				}
				last := &chunks[len(chunks)-1]
				*last = append(*last, store.Row{UID: u + 1})
			}
			v := newVersion(1, store.Box{}, chunks)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				row := store.Row{UID: store.UID(i*7919)%n + 1, Flags: store.Flags(i + 1), ModSeq: store.ModSeq(i + 2)}
				next := v.apply(store.Changes{At: row.ModSeq, Rows: []store.Row{row}})
				if d := diff(v, next, true); len(d.changed) != 1 {
					b.Fatalf("%d changes", len(d.changed))
				}
				v = next
			}
		})
	}
}
