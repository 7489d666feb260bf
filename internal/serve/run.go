package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"
)

// The pause after an accept that failed, while file descriptors are short,
// doubles between these.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// Run accepts connections from ln and calls handle for each in a goroutine of
// its own, until ctx is done or ln is closed. The connection is closed when
// handle returns; a panic ends only its session and is logged with its stack.
//
// When ctx is done Run closes ln, waits until every handle has returned and
// gives nil. The handlers see ctx done and finish by themselves: what they are
// doing for a client, they end properly.
func Run(ctx context.Context, ln net.Listener, log *slog.Logger, handle func(context.Context, net.Conn)) error {
	var sessions sync.WaitGroup
	defer sessions.Wait()
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()

	var pause time.Duration
	for {
		c, err := ln.Accept()
		switch {
		case err == nil:
			pause = 0
			sessions.Go(func() { session(ctx, c, log, handle) })
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept on %s: %w", ln.Addr(), err)
		default:
			// EMFILE, ENFILE, ENOBUFS, ECONNABORTED: all may pass. The
			// first of a row is told, the rest would only fill the log.
			if pause == 0 {
				log.Warn("cannot accept connections", "listener", ln.Addr().String(), "error", err)
			}
			pause = min(max(2*pause, minPause), maxPause)
			wait(ctx, pause)
		}
	}
}

func session(ctx context.Context, c net.Conn, log *slog.Logger, handle func(context.Context, net.Conn)) {
	defer c.Close()
	defer func() {
		if p := recover(); p != nil {
			log.Error("session panicked", "peer", c.RemoteAddr().String(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	handle(ctx, c)
}

// wait returns after d or when ctx is done.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
