package queue_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/dns"
	"posthorn/mail"
	"posthorn/queue"
	"posthorn/relay"
	"posthorn/relay/relaytest/sink"
	"posthorn/store"
	"posthorn/store/maildir"
)

// BenchmarkDrain sends what waits in the queue: b.N messages of 4 KiB to one
// host, and to a hundred in turn, until each is settled.
func BenchmarkDrain(b *testing.B) {
	for _, hosts := range []int{1, 100} {
		b.Run(fmt.Sprintf("hosts=%d", hosts), func(b *testing.B) { benchmarkDrain(b, hosts) })
	}
}

func benchmarkDrain(b *testing.B, hosts int) {
	out, err := sink.Listen(hosts)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	dir := b.TempDir()
	st, err := store.Open(b.Context(), dir, maildir.New(dir), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	rc := relay.DefaultConfig()
	for i := range hosts {
		rc.Routes = append(rc.Routes, relay.Route{Domain: fmt.Sprintf("h%d.test", i), Via: out.Addr(i)})
	}
	log := slog.New(slog.DiscardHandler)
	r, err := relay.New(rc, "mx.here.test", dns.New("none"), nil, nil, log)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	q := queue.New(st, &placer{}, r, queue.DefaultConfig(), log)
	fillQueue(b, q, hosts)
	full := out.Expect(1, b.N)
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	done := make(chan error, 1)
	b.ResetTimer()
	go func() { done <- q.Run(ctx) }()
	<-full
	for {
		if left, err := q.List(b.Context(), 0, 1); err != nil || len(left) == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	if err := out.Verify(); err != nil {
		b.Fatal(err)
	}
}

func fillQueue(b *testing.B, q *queue.Queue, hosts int) {
	var wg sync.WaitGroup
	numbers := make(chan int)
	for range 32 {
		wg.Go(func() {
			for n := range numbers {
				m := letter(fmt.Sprintf("bob@h%d.test", n%hosts))
				m.Content = mail.Bytes("From: alice@here.test\r\nMessage-ID: " + sink.MessageID(1, int64(n)) + "\r\n\r\n" + strings.Repeat("words of a letter in lines of sixty octets, as there often are\r\n", 64))
				if err := q.Accept(b.Context(), m); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for n := range b.N {
		numbers <- n
	}
	close(numbers)
	wg.Wait()
}
