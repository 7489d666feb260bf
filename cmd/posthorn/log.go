package main

import (
	"io"
	"log/slog"
	"time"

	"posthorn/internal/serve"
	"posthorn/store"
)

// LogConfig says what the log looks like.
type LogConfig struct {
	Format string     `toml:"format"` // "text" or "json"
	Level  slog.Level `toml:"level"`  // "debug", "info", "warn" or "error"
	// Events is how long the store keeps what `trace` shows.
	Events serve.Duration `toml:"events"`
}

func defaultLogConfig() LogConfig {
	return LogConfig{Format: "text", Level: slog.LevelInfo, Events: serve.Duration(store.EventsKept)}
}

// logLevel is one for the process, so that SIGHUP can change it.
var logLevel slog.LevelVar

// newLogger logs to w. Durations are told to a tenth of a millisecond; in JSON
// they are numbers of seconds.
func newLogger(cfg LogConfig, w io.Writer) *slog.Logger {
	logLevel.Set(cfg.Level)
	o := &slog.HandlerOptions{Level: &logLevel, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration {
			a.Value = slog.DurationValue(a.Value.Duration().Round(100 * time.Microsecond))
			if cfg.Format == "json" {
				a.Value = slog.Float64Value(a.Value.Duration().Seconds())
			}
		}
		return a
	}}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
