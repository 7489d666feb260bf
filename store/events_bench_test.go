package store_test

import (
	"fmt"
	"testing"

	"posthorn/mail"
	"posthorn/store"
)

// What a recipient costs besides the commit it is part of: the event of its
// acceptance, the count of its delivery's end, and the account's count of a message.
func BenchmarkRecord(b *testing.B) {
	const perCommit = 500
	for name, fill := range map[string]func(*store.Change, int){
		"accepted": func(c *store.Change, i int) {
			c.Events = append(c.Events, store.Event{Kind: "accepted", Session: mail.NewID(), From: "alice@example.test", To: fmt.Sprintf("u%d@away.test", i%10_000),
				MessageID: fmt.Sprintf("%d.%s@example.test", i, mail.NewID()), MTA: "192.0.2.1", Status: "250 2.0.0 Ok: queued", Detail: "ESMTPS, TLS 1.3, 4096 octets", Leads: true})
		},
		"relayed": func(c *store.Change, i int) {
			c.Events = append(c.Events, store.Event{Kind: "relayed", Session: mail.NewID(), From: "alice@example.test", To: fmt.Sprintf("u%d@away.test", i%10_000), MTA: "mx.away.test", Status: "250 2.0.0 Ok"})
		},
		"tried": func(c *store.Change, i int) {
			c.Tried = append(c.Tried, store.Tried{Login: "alice@example.test", To: fmt.Sprintf("u%d@away.test", i%10_000)})
		},
		"taken": func(c *store.Change, _ int) {
			c.Taken = append(c.Taken, store.Taken{Login: "alice@example.test", Recipients: 1})
		},
	} {
		b.Run(name, func(b *testing.B) {
			f := setUp(b)
			i := 0
			for b.Loop() {
				var c store.Change
				for range perCommit {
					fill(&c, i)
					i++
				}
				if _, err := f.Commit(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(i), "µs/row")
		})
	}
}
