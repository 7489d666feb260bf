package store

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// The mirror waits for a pause, but not for ever.
func TestMirrorWaitsForAPause(t *testing.T) {
	for _, c := range []struct {
		name           string
		changes, after time.Duration // one every so often, for so long
		late           time.Duration
	}{
		{"one change", time.Second, time.Second / 2, time.Second},
		{"changes for two seconds", 400 * time.Millisecond, 2 * time.Second, 3 * time.Second},
		{"changes without end", 400 * time.Millisecond, time.Hour, mirrorLate},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, begin := newMirror(), time.Now()
				m.account(1)
				ctx, stop := context.WithTimeout(t.Context(), c.after)
				defer stop()
				go func() {
					for sleep(ctx, c.changes) {
						m.account(1)
					}
				}()
				if !m.quiet(t.Context()) || time.Since(begin) != c.late {
					t.Errorf("after %v, want %v", time.Since(begin), c.late)
				}
			})
		})
	}
}

func TestMirrorEndsWhileItWaits(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if newMirror().quiet(ctx) {
		t.Error("goes on after the end")
	}
}
