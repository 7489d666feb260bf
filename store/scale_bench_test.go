package store_test

import (
	"testing"
	"time"

	"posthorn/store"
)

// bulk is a store whose INBOX has n messages without content.
func bulk(b *testing.B, n int) *fixture {
	f := setUp(b)
	box, err := f.box("INBOX").Box(b.Context())
	ok(b, err)
	ok(b, f.Bulk(b.Context(), f.a.ID, box.ID, n))
	return f
}

// BenchmarkRows reads a mailbox of 1,000,000 as a view is made of it.
func BenchmarkRows(b *testing.B) {
	const n = 1_000_000
	f := bulk(b, n)
	box := f.box("INBOX")
	b.ReportAllocs()
	for b.Loop() {
		got := 0
		_, err := box.Rows(b.Context(), func(rows []store.Row) { got += len(rows) })
		ok(b, err)
		if got != n {
			b.Fatalf("%d rows", got)
		}
	}
	b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkLargeMailbox is what must not grow with a mailbox, in one of 1,000
// messages and one of 1,000,000: a delivery, the changes since the last one, and
// what SELECT and STATUS ask. The two take turns, so that the ratio stands on a
// busy machine too.
func BenchmarkLargeMailbox(b *testing.B) {
	small, large := bulk(b, 1000), bulk(b, 1_000_000)
	deliver := func(f *fixture) func() {
		return func() {
			_, err := f.Commit(b.Context(), store.Change{Append: []store.Incoming{{Blob: f.put(hello), Account: f.a.ID}}})
			ok(b, err)
		}
	}
	changes := func(f *fixture) func() {
		m := f.box("INBOX")
		box, err := m.Box(b.Context())
		ok(b, err)
		return func() {
			_, err := m.Changes(b.Context(), box.ModSeq-1)
			ok(b, err)
		}
	}
	read := func(f *fixture) func() {
		m := f.box("INBOX")
		return func() {
			_, err := m.Box(b.Context())
			ok(b, err)
		}
	}
	for _, c := range []struct {
		name string
		of   func(*fixture) func()
	}{{"deliver", deliver}, {"changes", changes}, {"box", read}} {
		b.Run(c.name, func(b *testing.B) {
			did := [2]func(){c.of(small), c.of(large)}
			var took [2]time.Duration
			for b.Loop() {
				for i := range did {
					began := time.Now()
					did[i]()
					took[i] += time.Since(began)
				}
			}
			b.ReportMetric(float64(took[0].Nanoseconds())/float64(b.N), "ns/1000")
			b.ReportMetric(float64(took[1].Nanoseconds())/float64(b.N), "ns/1000000")
			b.ReportMetric(float64(took[1])/float64(took[0]), "ratio")
		})
	}
}
