package interop

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/interop/peer"
)

// kills are the times at which a server was killed.
type kills []time.Time

// excuse tells whether only kills explain that a recipient elsewhere was sent to
// more than once, or sent to and reported (Q10): one came between any two of
// these, and none after the server had said that the outcome was on disk.
func (k kills) excuse(entered, delivered []time.Time, reported bool) bool {
	for i := 1; i < len(delivered); i++ {
		if !k.between(delivered[i-1], delivered[i]) {
			return false
		}
	}
	last := delivered[len(delivered)-1]
	if reported {
		return len(entered) < 2 && k.between(last, append(entered, time.Now())[0])
	}
	return len(entered) == 0 || len(entered) == 1 && !k.between(entered[0], last)
}

func (k kills) between(a, b time.Time) bool {
	return slices.ContainsFunc(k, func(k time.Time) bool { return k.After(a) && k.Before(b) })
}

// entered are the times at which a server's log says that a recipient's outcome
// is on disk, for good.
func entered(t *testing.T, pr *peer.Process) map[string][]time.Time {
	t.Helper()
	b, err := os.ReadFile(pr.LogFile())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]time.Time{}
	for line := range strings.Lines(string(b)) {
		said := entry.FindStringSubmatch(line)
		if said == nil {
			continue
		}
		at, err := time.Parse(time.RFC3339, said[1])
		if err != nil {
			t.Fatal(err)
		}
		all[said[2]] = append(all[said[2]], at)
	}
	return all
}

var entry = regexp.MustCompile(`^time=(\S+) level=INFO msg=(?:relayed|failed) .* to=(\S+) `)
