package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// drainTime is how long sessions may take to end when the server stops; each
// protocol ends its own sooner. It is less than what systemd waits.
const drainTime = 60 * time.Second

func (c *cli) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the server: SIGTERM ends it in order, SIGHUP reloads config and certificates",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.loadConfig()
			if err != nil {
				return err
			}
			if err := cfg.checkFiles(); err != nil {
				return err
			}
			return c.serve(cmd.Context(), cfg, newLogger(cfg.Log, c.err))
		},
	}
}

// serve builds every floor, runs until ctx is done and takes them down again.
func (c *cli) serve(ctx context.Context, cfg *Config, log *slog.Logger) (err error) {
	// First of all: a SIGHUP that nobody is told of ends the process.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	h, err := build(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, h.close()); err == nil {
			log.Info("stopped")
		}
	}()
	if err := h.loadCertificates(); err != nil {
		return err
	}
	if err := errors.Join(h.auth.Settle(ctx), h.auth.OpenIssuer()); err != nil {
		return err
	}
	listeners, err := h.listen()
	if err != nil {
		return err
	}
	h.greet(ctx, listeners)
	tend := func(ctx context.Context) { h.tend(ctx, hangups, c.loadConfig) }
	return h.run(ctx, listeners, tend)
}

// greet logs what an operator who has just started the server looks for.
func (h *house) greet(ctx context.Context, listeners []listener) {
	if h.config.TLS.Certificate == "" {
		h.log.Info("no certificate is configured: using one of our own; mail programs ask once, or trust the authority", "authority", h.authority())
	}
	for _, l := range listeners {
		h.log.Info("listening", "service", l.service.name, "address", l.Addr().String())
	}
	for _, err := range h.config.relay().CheckSources() {
		h.log.Warn("an address to send from is missing", "error", err)
	}
	if ds, err := h.store.Domains(ctx); err == nil && len(ds) == 0 {
		h.log.Warn("all mail is refused until there is a domain: posthorn domain add DOMAIN --admin ADDRESS")
	}
}

// run serves until ctx is done or a listener breaks, then stops from the top
// down: sessions end what they are doing, then the queue its attempts. The
// store is closed by the caller. Tend runs beside the servers.
func (h *house) run(ctx context.Context, listeners []listener, tend func(context.Context)) error {
	serving, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()

	var above, below sync.WaitGroup
	for _, l := range listeners {
		above.Go(func() {
			if err := l.serve(serving); err != nil {
				fail(fmt.Errorf("%s: %w", l.service.name, err))
			}
		})
	}
	above.Go(func() { tend(serving) })
	below.Go(func() { keepMemory(working) })
	below.Go(func() { h.auth.Run(working) })
	below.Go(func() { h.relay.Run(working) })
	below.Go(func() {
		if err := h.queue.Run(working); err != nil && working.Err() == nil {
			fail(fmt.Errorf("queue: %w", err))
		}
	})

	<-serving.Done()
	h.log.Info("stopping: sessions end, then the queue")
	if !waitFor(&above, drainTime) {
		h.log.Warn("sessions did not end in time and are cut", "took", drainTime)
	}
	stopWork()
	below.Wait()
	if cause := context.Cause(serving); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// waitFor waits for at most d.
func waitFor(g *sync.WaitGroup, d time.Duration) bool {
	done := make(chan struct{})
	go func() { // ends with the group; a session that hangs is cut by the process's end
		g.Wait()
		close(done)
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
