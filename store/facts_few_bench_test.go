package store_test

import (
	"testing"

	"posthorn/store"
)

// BenchmarkNewestFacts reads facts of the newest messages, as a program does that
// shows the end of a list, where their block is not full.
func BenchmarkNewestFacts(b *testing.B) {
	const n = store.BlockUIDs + 30
	f := large(b, n)
	box, uids := f.box("INBOX"), uidsTo(n)[n-20:]
	for _, derived := range []string{"before they are derived", "derived"} {
		b.Run(derived, func(b *testing.B) {
			if derived == "derived" {
				ok(b, f.Derive(b.Context()))
			}
			b.ReportAllocs()
			for b.Loop() {
				ok(b, box.Facts(b.Context(), uids, store.WantFields|store.WantIndex, func([]store.Fact) error { return nil }))
			}
		})
	}
}

// BenchmarkFewFacts reads facts of one message, as a program does that shows
// one after the other, and of the newest of a full block.
func BenchmarkFewFacts(b *testing.B) {
	const n = 8 * store.BlockUIDs
	f := large(b, n)
	ok(b, f.Derive(b.Context()))
	box, uids := f.box("INBOX"), uidsTo(n)
	for _, c := range []struct {
		name string
		few  int
		want store.Want
	}{
		{"envelope of one", 1, store.WantEnvelope}, {"header of one", 1, store.WantHeader},
		{"fields of twenty", 20, store.WantFields | store.WantIndex},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				at := (i * 7) % (n - 256)
				ok(b, box.Facts(b.Context(), uids[at:at+c.few], c.want, func([]store.Fact) error { return nil }))
			}
		})
	}
}
