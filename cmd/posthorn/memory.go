package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Memory is spent where it saves work, and given back when there is none. A
// delivery lives for milliseconds and leaves some 100 KiB of garbage beside a
// heap of a dozen MiB; collected whenever the heap has doubled, as Go does by
// itself, that was a sixth of the CPU of a busy server. So garbage may grow to
// room, whatever the heap is; a heap that is larger than room grows as Go
// has it; and a soft limit that follows the heap keeps a sudden load from being
// multiplied. A server that has come to rest collects what its load left, and gives
// the pages back to the system.
const (
	room       = 48 << 20
	maxPercent = 400
	minPercent = 100 // Go's own
	softLimit  = 192 << 20

	lookEvery = 5 * time.Second
	restsFor  = 4       // looks, until a quiet server is taken to be at rest
	quietRate = 1 << 20 // octets of garbage a second; less is quiet
	worthIt   = 8 << 20 // less is not collected for its own sake
)

// keepMemory runs until ctx is done. Who set GOGC or GOMEMLIMIT decides alone.
func keepMemory(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var k keeper
	for {
		h := readHeap()
		percent, limit := allowance(h.live)
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
		if k.atRest(h) {
			debug.FreeOSMemory()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// heap is what the runtime says of it, in octets.
type heap struct {
	live      uint64 // marked by the last collection
	garbage   uint64 // what the next one could find, at most
	free      uint64 // held for objects to come
	allocated uint64 // ever
}

func readHeap() heap {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	h := heap{live: s[0].Value.Uint64(), free: s[2].Value.Uint64(), allocated: s[3].Value.Uint64()}
	if objects := s[1].Value.Uint64(); objects > h.live {
		h.garbage = objects - h.live
	}
	return h
}

// allowance is how far the heap may grow before it is collected: in percent of
// what is live, and the limit of all memory near which it is collected sooner.
func allowance(live uint64) (percent int, limit int64) {
	percent = int(min(max(room*100/max(live, 1), minPercent), maxPercent))
	return percent, int64(max(softLimit, live+live/2))
}

// keeper finds out when the server rests.
type keeper struct {
	allocated uint64
	quiet     int // looks
}

// atRest tells whether there has been little to do for a while, and much to give
// back.
func (k *keeper) atRest(h heap) bool {
	before := k.allocated
	k.allocated = h.allocated
	if h.allocated-before > quietRate*uint64(lookEvery/time.Second) {
		k.quiet = 0
		return false
	}
	k.quiet++
	if k.quiet < restsFor || h.garbage+h.free < max(worthIt, h.live/4) {
		return false
	}
	k.quiet = 0
	return true
}
