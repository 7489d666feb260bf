package main

import (
	"math"
	"testing"
)

const mib = 1 << 20

func TestAllowance(t *testing.T) {
	for _, c := range []struct {
		live    uint64
		percent int
		limit   int64 // MiB
	}{
		{0, 400, 192},
		{8 * mib, 400, 192},
		{24 * mib, 200, 192},
		{48 * mib, 100, 192},
		{150 * mib, 100, 225},
		{4096 * mib, 100, 6144},
	} {
		percent, limit := allowance(c.live)
		if percent != c.percent || limit != c.limit*mib {
			t.Errorf("%d MiB: %d %% and %d MiB, not %d and %d", c.live/mib, percent, limit/mib, c.percent, c.limit)
		}
	}
	if percent, limit := allowance(math.MaxUint64 / 4); percent != minPercent || limit <= 0 {
		t.Errorf("a heap beyond all: %d, %d", percent, limit)
	}
}

func TestServerAtRest(t *testing.T) {
	const busy, quiet = 100 * mib, mib
	for _, c := range []struct {
		what    string
		h       heap // but for what was allocated
		allocs  []uint64
		rests   int // the look at which it gives memory back; 0: at none
		further int // the next one
	}{
		{"after a load", heap{live: 10 * mib, garbage: 30 * mib}, []uint64{busy, quiet, quiet, quiet, quiet, quiet, quiet, quiet, quiet}, 5, 9},
		{"under load", heap{live: 10 * mib, garbage: 30 * mib}, []uint64{busy, busy, busy, busy, busy, busy}, 0, 0},
		{"with little to give", heap{live: 10 * mib, garbage: 5 * mib, free: 2 * mib}, []uint64{quiet, quiet, quiet, quiet, quiet, quiet}, 0, 0},
		{"with little for its size", heap{live: 100 * mib, garbage: 20 * mib}, []uint64{quiet, quiet, quiet, quiet, quiet, quiet}, 0, 0},
		{"with pages that nothing is in", heap{live: 10 * mib, free: 20 * mib}, []uint64{quiet, quiet, quiet, quiet}, 4, 0},
		{"disturbed", heap{live: 10 * mib, garbage: 30 * mib}, []uint64{quiet, quiet, quiet, busy, quiet, quiet, quiet, quiet}, 8, 0},
	} {
		var k keeper
		var rests []int
		h := c.h
		for i, n := range c.allocs {
			h.allocated += n
			if k.atRest(h) {
				rests = append(rests, i+1)
			}
		}
		for len(rests) < 2 {
			rests = append(rests, 0)
		}
		if rests[0] != c.rests || rests[1] != c.further {
			t.Errorf("%s: gives back at looks %v, not at %d and %d", c.what, rests, c.rests, c.further)
		}
	}
}

func TestHeapIsRead(t *testing.T) {
	h := readHeap()
	if h.allocated == 0 || h.allocated < h.garbage {
		t.Errorf("%+v", h)
	}
}
