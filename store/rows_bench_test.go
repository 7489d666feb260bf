package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"posthorn/internal/db"
)

// BenchmarkDeliveryRows is what a delivery costs the writer: the rows of one, with both
// its events, in the transactions that 1 or 64 committers make; no content. CPU is
// the whole process's, user and system.
func BenchmarkDeliveryRows(b *testing.B) {
	for _, committers := range []int{1, 64} {
		b.Run(fmt.Sprint(committers), func(b *testing.B) { benchmarkDeliveryRows(b, committers) })
	}
}

func benchmarkDeliveryRows(b *testing.B, committers int) {
	ctx := b.Context()
	s := &Store{}
	var err error
	if s.db, err = db.Open(ctx, b.TempDir()+"/posthorn.db", schema, db.Options{}); err != nil {
		b.Fatal(err)
	}
	defer s.db.Close()
	boxes := benchmarkBoxes(b, s.db)
	b.ReportAllocs()
	var n atomic.Int64
	var wg sync.WaitGroup
	before := processorTime()
	b.ResetTimer()
	for range committers {
		wg.Go(func() {
			for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
				p := benchmarkDelivery(s, boxes[i%int64(len(boxes))], i)
				if err := s.db.CommitAgain(ctx, 0, nil, p.apply); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(processorTime()-before)/float64(b.N)/1e3, "cpu-µs/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}

// benchmarkBoxes makes 16 accounts with an INBOX.
func benchmarkBoxes(b *testing.B, d *db.DB) (all []target) {
	err := d.Commit(b.Context(), 0, func(tx *db.Tx) error {
		for i := range 16 {
			var id int64
			err := tx.Row(`INSERT INTO accounts (login, dir, domain, password, enabled, limit_bytes, limit_messages, uidvalidity, created)
				VALUES (?, ?, 'example.test', '', 1, 0, 0, 1, 0) RETURNING id`, fmt.Sprintf("u%d@example.test", i), fmt.Sprint(i)).Scan(&id)
			if err != nil {
				return err
			}
			t := target{home: home{dir: fmt.Sprint(id)}}
			err = tx.Row(`INSERT INTO mailboxes (account, name, role, folder, uidvalidity, modseq) VALUES (?, 'INBOX', 'inbox', '', 1, 1) RETURNING id`, id).Scan(&t.mailbox)
			if err != nil {
				return err
			}
			all = append(all, t)
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return all
}

func benchmarkDelivery(s *Store, to target, i int64) *prepared {
	to.key = Key(fmt.Sprintf("1763870000.R%016x.posthorn", i*7919))
	account := AccountID(to.mailbox)
	id, messageID := fmt.Sprintf("4D%08X", i*2654435761%(1<<32)), fmt.Sprintf("%d.%d@sender.example", i*7919%1_000_003, i)
	event := Event{Kind: "accepted", Session: id, MessageID: messageID, From: "sender@sender.example", To: fmt.Sprintf("u%d@example.test", account),
		MTA: "client.sender.example [192.0.2.1]", Status: "250 2.0.0 Ok: queued as " + id, Detail: "ESMTP, 4096 octets", Leads: true}
	delivered := event
	delivered.Kind, delivered.Leads, delivered.MTA, delivered.Detail, delivered.Status = "delivered", false, "", "INBOX", "250 2.1.5 Delivered"
	return &prepared{
		Change: &Change{
			Append: []Incoming{{Blob: &Blob{Key: to.key, Size: 4096, MessageID: messageID, Subject: "hello"}, Account: account, Role: RoleInbox}},
			Events: []Event{event, delivered},
		},
		store: s, targets: []target{to},
	}
}

// processorTime is what the process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail of the process itself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLookup is a lookup by key in a read transaction of its own, as routing does several of
// for each recipient.
func BenchmarkLookup(b *testing.B) {
	ctx := context.Background()
	d, err := db.Open(ctx, b.TempDir()+"/posthorn.db", schema, db.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	boxes := benchmarkBoxes(b, d)
	b.ReportAllocs()
	at := homeKey{account: AccountID(boxes[3].mailbox), role: RoleInbox}
	for b.Loop() {
		err := d.View(ctx, func(tx *db.Tx) error {
			_, err := readHome(tx, at)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
