package queue_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"posthorn/mail"
	"posthorn/mda"
	"posthorn/queue"
	"posthorn/store"
	"posthorn/store/maildir"
)

// BenchmarkAccept is what a message of 4 KiB costs from RCPT to the 250 behind
// its content: where its recipients are, whether there is room, and the commit.
func BenchmarkAccept(b *testing.B) {
	for _, recipients := range []int{1, 5} {
		b.Run(fmt.Sprintf("recipients=%d", recipients), func(b *testing.B) {
			b.Run("one at a time", func(b *testing.B) { benchmarkAccept(b, recipients, 1) })
			b.Run("32 at a time", func(b *testing.B) { benchmarkAccept(b, recipients, 16) })
		})
	}
}

func benchmarkAccept(b *testing.B, recipients, parallel int) {
	const accounts = 16
	dir := b.TempDir()
	st, err := store.Open(b.Context(), dir, maildir.New(dir), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	if err := st.AddDomain(b.Context(), store.Domain{Name: "here.test"}); err != nil {
		b.Fatal(err)
	}
	for i := range accounts {
		if _, err := st.AddAccount(b.Context(), fmt.Sprintf("user%d@here.test", i), "", store.Quota{}); err != nil {
			b.Fatal(err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	m := mda.New(st, mda.DefaultConfig(), log)
	q := queue.New(st, m, nil, queue.DefaultConfig(), log)
	var sent atomic.Int64
	accept := func(n int64) error {
		msg := &mail.Mail{QueueID: mail.NewID(), Head: []byte("Received: from there by here\r\n"), Content: mail.Bytes(fmt.Sprintf(
			"From: a@there.test\r\nTo: b@here.test\r\nSubject: Letter %d\r\nMessage-ID: <%d@there.test>\r\n\r\n%s",
			n, n, strings.Repeat("The quick brown fox jumps over the lazy dog and something else.\r\n", 60)))}
		msg.From = mail.Path{Local: "a", Domain: "there.test"}
		for i := range recipients {
			r := mail.Recipient{Path: mail.Path{Local: fmt.Sprintf("user%d", (n+int64(i))%accounts), Domain: "here.test"}}
			if ours, err := m.Local(b.Context(), r.Path.Domain); !ours || err != nil {
				return fmt.Errorf("%s is ours: %t, %w", r.Path, ours, err)
			}
			release, err := m.Verify(b.Context(), msg.From, r, msg.FullSize())
			if err != nil {
				return err
			}
			defer release()
			msg.To = append(msg.To, r)
		}
		return q.Accept(b.Context(), msg)
	}
	b.ReportAllocs()
	b.SetParallelism(parallel)
	b.ResetTimer()
	if parallel == 1 {
		for b.Loop() {
			if err := accept(sent.Add(1)); err != nil {
				b.Fatal(err)
			}
		}
	} else {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := accept(sent.Add(1)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
