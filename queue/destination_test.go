package queue

import (
	"testing"
	"time"

	"posthorn/mail"
)

func TestDestinationLearns(t *testing.T) {
	c := DefaultConfig()
	start := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	well := feedback{answers: true}
	trouble := feedback{trouble: mail.Status{Reply: mail.NoAnswer.With("mx")}}
	login := feedback{trouble: mail.Status{Reply: mail.SmarthostLogin.With("smart.test")}}
	slow := feedback{answers: true, slow: true}
	tests := []struct {
		name   string
		run    []feedback
		window float64
		dead   time.Duration // how long from now; 0: not
	}{
		{"nothing yet", nil, 2, 0},
		{"what says nothing about it", []feedback{{}, {}}, 2, 0},
		{"success", []feedback{well, well, well}, 5, 0},
		{"trouble at first", []feedback{trouble}, 1, 4 * time.Minute},
		{"trouble once after success", []feedback{well, well, trouble}, 2, 0},
		{"trouble twice after success", []feedback{well, well, trouble, trouble}, 1, 4 * time.Minute},
		{"trouble again and again", []feedback{trouble, trouble, trouble}, 1, 16 * time.Minute},
		{"success after trouble", []feedback{trouble, well}, 2, 0},
		{"our login is refused there", []feedback{login}, 1, time.Hour},
		{"it takes less for a while", []feedback{well, well, slow}, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDestination("x.test")
			now := start
			for _, f := range tt.run {
				now = now.Add(24 * time.Hour)
				d.learn(f, now, c, now)
			}
			if d.window != tt.window {
				t.Errorf("window %v, want %v", d.window, tt.window)
			}
			if d.dead(now) != (tt.dead > 0) || tt.dead > 0 && d.deadTill.Sub(now) != tt.dead {
				t.Errorf("dead for %v, want %v", d.deadTill.Sub(now), tt.dead)
			}
		})
	}
}

// What began before the trouble was known says nothing new when it fails too.
func TestOldTroubleCountsOnce(t *testing.T) {
	d, c, now := newDestination("x.test"), DefaultConfig(), time.Now()
	trouble := feedback{trouble: mail.Status{Reply: mail.NoAnswer.With("mx")}}
	if !d.learn(trouble, now, c, now.Add(time.Second)) || d.learn(trouble, now, c, now.Add(2*time.Second)) || d.troubles != 1 {
		t.Errorf("%d troubles", d.troubles)
	}
}
