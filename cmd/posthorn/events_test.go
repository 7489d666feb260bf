package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestEventsTellAMessagesWayInOneLine(t *testing.T) {
	for _, test := range []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"the way comes first", func(l *slog.Logger) {
			l.Info("delivered", "took", 4*time.Millisecond, "status", "250 2.1.5 Delivered", "to", "b@c", "from", "a@b")
		}, "  delivered  a@b → b@c  250 2.1.5 Delivered  took=4ms\n"},
		{"a null sender is shown", func(l *slog.Logger) { l.Info("accepted", "from", "", "to", "b@c") }, "  accepted  <> → b@c\n"},
		{"attributes of the logger are kept, but for the session", func(l *slog.Logger) {
			l.With("session", "S1", "account", "a@b").WithGroup("tls").Info("open", "version", "1.3")
		}, "  open  account=a@b  tls.version=1.3\n"},
		{"foreign text cannot start a line or move the cursor", func(l *slog.Logger) {
			l.Info("refused", "from", "a\r\nb\x1b[2J", "error", errors.New("x\ny"))
		}, "  refused  from a  b [2J  error=x y\n"},
		{"a transaction that was accepted has its recipients' lines", func(l *slog.Logger) {
			l.Info("smtp transaction", "from", "a@b", "to", "c@d", "status", "250 2.0.0 Ok")
		}, ""},
		{"one that was refused has its own", func(l *slog.Logger) {
			l.Info("smtp transaction", "from", "a@b", "to", "c@d", "status", "550 5.1.1 No", "queue_id", "X")
		}, "  refused  a@b → c@d  550 5.1.1 No\n"},
		{"empty values are left out", func(l *slog.Logger) { l.Info("open", "mta", "") }, "  open\n"},
		{"what is below the level is left out", func(l *slog.Logger) { l.Debug("noise") }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			test.log(slog.New(newEvents(&b, slog.LevelInfo, false)))
			got := b.String()
			if test.want != "" {
				got = got[min(len(got), len(time.TimeOnly)):]
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestEventsPaintByTheReplysClass(t *testing.T) {
	for status, colour := range map[string]string{"250 Ok": green, "451 Later": yellow, "550 No": red} {
		var b strings.Builder
		slog.New(newEvents(&b, slog.LevelInfo, true)).Info("attempt", "status", status)
		if !strings.Contains(b.String(), colour+"  "+status+plain) {
			t.Errorf("%s: %q is not in its colour", status, b.String())
		}
	}
}
