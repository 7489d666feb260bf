package wire

import (
	"math/rand/v2"
	"testing"
	"time"
)

// appendDate writes what the time package writes.
func TestAppendDate(t *testing.T) {
	for range 20_000 {
		at, zone := rand.Int64N(1<<37)-1<<35, rand.Int32N(2*14*60)*60-14*60*60
		want := time.Unix(at, 0).In(time.FixedZone("", int(zone))).Format(`"` + DateTime + `"`)
		if y := time.Unix(at, 0).Year(); y < 1 || y > 9998 {
			continue
		}
		if got := string(appendDate(nil, at, zone)); got != want {
			t.Fatalf("%d in zone %d is %s, want %s", at, zone, got, want)
		}
	}
	if got := string(appendDate(nil, 1<<60, 0)); got != `"01-Jan-1970 00:00:00 +0000"` && len(got) != 28 {
		t.Errorf("a time far away is %s", got)
	}
}
