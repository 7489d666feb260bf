package queue_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/internal/serve"
	"posthorn/mail"
)

// Q10: whatever happens, each recipient ends delivered or reported, once.
func TestEachRecipientEndsOnce(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inTime(t, func(f *fixture) { randomOutcomes(f, seed) })
		})
	}
}

func randomOutcomes(f *fixture, seed uint64) {
	f.cfg.Expire = serve.Duration(10 * time.Hour)
	f.renew()
	var n atomic.Uint64
	n.Store(seed * 7919)
	delivered := make(map[string]int)
	f.agent.play(func(_ string, to mail.Path) mail.Reply {
		x := n.Add(1) * 0x9E3779B97F4A7C15
		r := []mail.Reply{taken, later, never, noAnswer, {Code: 421, Text: "Busy"}, {Code: 552, X: mail.EnhancedCode{5, 5, 3}}, {Code: 999}, later}[x>>61]
		if r.Positive() {
			delivered[to.String()]++ // the agent's lock is held
		}
		return r
	})
	all := make(map[string]bool)
	for i := range 20 {
		var to []string
		for j := range i%4 + 1 {
			to = append(to, fmt.Sprintf("u%d-%d@d%d.test", i, j, (i+j)%3))
			all[to[j]] = true
		}
		f.accept(letter(to...))
	}
	f.run()
	f.pass(3 * time.Hour)
	f.reopen(time.Hour)
	f.run()
	f.pass(12 * time.Hour)
	if got := f.waiting(); len(got) != 0 {
		f.Errorf("waiting: %q", got)
	}
	failed := make(map[string]int)
	for _, m := range f.inbox() {
		if !strings.Contains(m, "Action: failed") {
			continue
		}
		for line := range strings.Lines(m) {
			if addr, ok := strings.CutPrefix(line, "Final-Recipient: rfc822; "); ok {
				failed[strings.TrimSpace(addr)]++
			}
		}
	}
	for addr := range all {
		if delivered[addr]+failed[addr] != 1 {
			f.Errorf("%s: delivered %d times, reported %d times", addr, delivered[addr], failed[addr])
		}
	}
}
