package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"posthorn/store"
)

// session is what several verbs of one command are asked in: of the server that
// runs, or of the house that this process has built because none does. It holds
// the data folder in the second case, so that a long work in parts opens it once.
type session struct {
	c      *cli
	config *Config
	house  *house // nil until it is known that no server runs
}

// begin opens a session; nothing is asked yet.
func (c *cli) begin() (*session, error) {
	cfg, err := c.loadConfig()
	return &session{c: c, config: cfg}, err
}

// end gives back the data folder.
func (s *session) end() error {
	if s.house == nil {
		return nil
	}
	return s.house.close()
}

// open builds the house in this process.
func (s *session) open(ctx context.Context) (err error) {
	if err := becomeOwner(s.config.DataDir); err != nil {
		return err
	}
	s.house, err = build(ctx, s.config, newLogger(LogConfig{Format: "text", Level: slog.LevelWarn}, s.c.err))
	return err
}

// A data folder that is held, but whose socket does not answer, belongs to
// another verb that is soon done, or to a server that starts or stops. It is
// asked again every patience/200.
const patience = 10 * time.Second

// within has v's work done in a session.
func (v verb[In, Out]) within(ctx context.Context, s *session, in In) (out Out, err error) {
	for end := time.Now().Add(patience); s.house == nil; time.Sleep(patience / 200) {
		err := askServer(ctx, s.config.socket(), v.name, in, &out)
		if !errors.Is(err, errNoServer) {
			return out, err
		}
		err = s.open(ctx)
		if err != nil && (!errors.Is(err, store.ErrInUse) || time.Now().After(end) || ctx.Err() != nil) {
			return out, err
		}
	}
	return v.work(s.house.admin(), ctx, in)
}
