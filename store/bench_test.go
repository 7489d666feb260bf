package store_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/store"
)

// BenchmarkCommit delivers messages of 4 KiB, each durable before the next of
// the same committer. Committers share 16 accounts.
func BenchmarkCommit(b *testing.B) {
	text := "Message-ID: <1@example.test>\r\nSubject: hello\r\n\r\n" + strings.Repeat(strings.Repeat("x", 62)+"\r\n", 63)
	for _, committers := range []int{1, 16, 64} {
		b.Run(map[int]string{1: "1", 16: "16", 64: "64"}[committers], func(b *testing.B) {
			f := setUp(b)
			var accounts [16]store.AccountID
			for i := range accounts {
				accounts[i] = f.account(string(rune('a'+i)), store.Quota{}).ID
			}
			var next atomic.Int64
			b.SetParallelism(max(1, committers/2)) // of GOMAXPROCS, two here
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			start := time.Now()
			deliver := func() {
				blob := f.put(text)
				_, err := f.Commit(b.Context(), store.Change{Append: []store.Incoming{{
					Blob: blob, Account: accounts[next.Add(1)%16], Role: store.RoleInbox,
				}}})
				ok(b, err)
			}
			if committers == 1 {
				for b.Loop() {
					deliver()
				}
			} else {
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						deliver()
					}
				})
			}
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "commits/s")
		})
	}
}

// BenchmarkCommitLinks puts one message into a mailbox many times, in one commit.
func BenchmarkCommitLinks(b *testing.B) {
	f := setUp(b)
	const links = 400
	for b.Loop() {
		c := store.Change{Append: make([]store.Incoming, links)}
		for i, blob := 0, f.put(hello); i < links; i++ {
			c.Append[i] = store.Incoming{Blob: blob, Account: f.a.ID}
		}
		_, err := f.Commit(b.Context(), c)
		ok(b, err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*links), "ns/link")
}

// BenchmarkSetFlags sets \Seen on each message of a mailbox, or takes it away.
func BenchmarkSetFlags(b *testing.B) {
	f := setUp(b)
	const messages = 20_000
	inbox := f.box("INBOX")
	uids := make([]store.UID, messages)
	for i := 0; i < messages; i += 400 {
		c := store.Change{Append: make([]store.Incoming, 400)}
		for j, blob := 0, f.put(hello); j < len(c.Append); j++ {
			c.Append[j] = store.Incoming{Blob: blob, Account: f.a.ID}
			uids[i+j] = store.UID(i + j + 1)
		}
		_, err := f.Commit(b.Context(), c)
		ok(b, err)
	}
	f.Halt() // the mirror's renames are not what is measured
	op := store.FlagsRemove
	for b.Loop() {
		op = store.FlagsAdd + store.FlagsRemove - op
		changed, _, err := inbox.SetFlags(b.Context(), uids, op, store.FlagSeen, nil, -1)
		ok(b, err)
		if len(changed) != messages {
			b.Fatalf("%d changed", len(changed))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*messages), "ns/message")
}

// BenchmarkChanges asks for what one STORE of one message has changed, as each
// mailbox that is selected is asked after each commit.
func BenchmarkChanges(b *testing.B) {
	f := large(b, 200)
	box := f.box("INBOX")
	changed, _, err := box.SetFlags(b.Context(), uidsTo(7)[6:], store.FlagsAdd, store.FlagSeen, nil, -1)
	ok(b, err)
	b.ReportAllocs()
	for b.Loop() {
		c, err := box.Changes(b.Context(), changed[0].ModSeq-1)
		if ok(b, err); len(c.Rows) != 1 {
			b.Fatalf("%d rows", len(c.Rows))
		}
	}
}
