package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestLogTellsDurationsForItsReader(t *testing.T) {
	for format, want := range map[string]string{"text": " took=1.2346s", "json": `"took":1.2346`} {
		var b strings.Builder
		newLogger(LogConfig{Format: format, Level: slog.LevelInfo}, &b).Info("delivered", "took", 1_234_567_890*time.Nanosecond)
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s: %s has no %s", format, b.String(), want)
		}
	}
}
