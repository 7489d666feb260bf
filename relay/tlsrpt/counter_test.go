package tlsrpt_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/relay/tlsrpt"
	"posthorn/store"
)

type memory struct {
	mu      sync.Mutex
	batches [][]store.TLSPolicy
	written chan struct{}
}

func (m *memory) CountTLS(_ context.Context, counts []store.TLSPolicy, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batches = append(m.batches, counts)
	select {
	case m.written <- struct{}{}:
	default:
	}
	return nil
}

func newCounter() (*tlsrpt.Counter, *memory) {
	m := &memory{written: make(chan struct{}, 1)}
	return tlsrpt.New(m, slog.New(slog.DiscardHandler)), m
}

func TestCounterAddsUp(t *testing.T) {
	c, m := newCounter()
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s := tlsrpt.Session{At: noon, Domain: "x.test", Kind: "sts", Policy: "p", MTA: "mx.x.test"}
	for i := range 4 {
		s.At, s.Address = noon.Add(time.Duration(i)*time.Second), fmt.Sprint(i)
		s.Result = tlsrpt.Success
		c.Add(s)
		s.Result, s.Address = tlsrpt.Expired, "1"
		c.Add(s)
	}
	s.At = noon.Add(12 * time.Hour)
	c.Add(s)
	c.Close()
	if len(m.batches) != 1 || len(m.batches[0]) != 2 {
		t.Fatalf("got %+v", m.batches)
	}
	first, next := m.batches[0][0], m.batches[0][1]
	if first.Successes != 4 || len(first.Failures) != 1 || first.Failures[0].Sessions != 4 || !first.Day.Equal(noon.Add(-12*time.Hour)) {
		t.Errorf("got %+v", first)
	}
	if next.Successes != 0 || next.Failures[0].Sessions != 1 || next.Day.Sub(first.Day) != 24*time.Hour {
		t.Errorf("the next day: got %+v", next)
	}
	if c.Close(); len(m.batches) != 1 {
		t.Error("nothing was written twice")
	}
}

// What strangers' servers do cannot fill the memory.
func TestCounterIsBounded(t *testing.T) {
	c, m := newCounter()
	long := strings.Repeat("x", 10<<10)
	for i := range 10_000 {
		c.Add(tlsrpt.Session{At: time.Unix(0, 0), Domain: fmt.Sprint(i), Policy: long, Reason: long, Result: tlsrpt.Expired})
	}
	ctx, stop := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { c.Run(ctx) })
	<-m.written // at once, for it is full
	stop()
	done.Wait()
	if n := len(m.batches[0]); n != 2000 || len(m.batches[0][0].Text) > 4096 || len(m.batches[0][0].Failures[0].Reason) > 200 {
		t.Errorf("it held %d", n)
	}
}
