package main

import (
	"io"
	"log/slog"
)

// LogConfig says what the log looks like.
type LogConfig struct {
	Format string     `toml:"format"` // "text" or "json"
	Level  slog.Level `toml:"level"`  // "debug", "info", "warn" or "error"
}

func defaultLogConfig() LogConfig { return LogConfig{Format: "text", Level: slog.LevelInfo} }

// logLevel is one for the process, so that SIGHUP can change it.
var logLevel slog.LevelVar

// newLogger logs to w. The time is left to who keeps the log when that is the
// system journal, which stamps each line itself.
func newLogger(cfg LogConfig, w io.Writer) *slog.Logger {
	logLevel.Set(cfg.Level)
	o := &slog.HandlerOptions{Level: &logLevel}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
