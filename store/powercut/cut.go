package powercut

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// Write makes the folder dir as the disk may be when the power is cut now. The
// seed decides what of the calls that may be missing is there. dir must not be
// there; its files are the caller's.
func (r *Replay) Write(dir string, seed uint64) error {
	c := &cut{Replay: r, rng: rand.New(rand.NewPCG(seed, uint64(r.at)))}
	c.choose()
	if err := c.folder(dir, r.log.root); err != nil {
		return fmt.Errorf("write the disk after a power cut at %d: %w", r.at, err)
	}
	return nil
}

// cut is one outcome.
type cut struct {
	*Replay
	rng *rand.Rand

	folders map[int]map[string]int // those that differ from what is sure
	end     int                    // Journaled: entries from here on have not changed names or sizes
}

// choose decides which changes of names there are.
func (c *cut) choose() {
	c.folders = make(map[int]map[string]int)
	if c.model == Journaled {
		c.end = c.between(0, len(c.names))
		for _, i := range c.names[:c.end] {
			c.apply(&c.log.entries[i])
		}
		switch {
		case c.end == len(c.names):
			c.end = c.at
		default:
			c.end = c.names[c.end]
		}
		return
	}
	// All, none, or any, and what has happened to a name stays in order.
	likely := []float64{0, 0.1, 0.5, 0.9, 1}[c.rng.IntN(5)]
	missing := make(map[entryName]bool)
	for _, i := range c.names {
		e := &c.log.entries[i]
		from, to := e.entryNames()
		if missing[from] || missing[to] || c.rng.Float64() >= likely {
			missing[from], missing[to] = true, true
			continue
		}
		c.apply(e)
	}
}

// between gives a number of [from, to], the ends more often than the others.
func (c *cut) between(from, to int) int {
	switch c.rng.IntN(4) {
	case 0:
		return from
	case 1:
		return to
	}
	return from + c.rng.IntN(to-from+1)
}

// apply changes names, of folders of its own.
func (c *cut) apply(e *entry) {
	names := func(number int) map[string]int {
		if c.folders[number] == nil {
			c.folders[number] = maps.Clone(c.sure[number].names)
		}
		return c.folders[number]
	}
	switch e.kind {
	case makes, links:
		names(e.dir)[e.name] = e.node
	case unlinks:
		delete(names(e.dir), e.name)
	case renames:
		delete(names(e.dir), e.name)
		names(e.toDir)[e.toName] = e.node
	}
}

// folder writes a folder with all below it.
func (c *cut) folder(path string, number int) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	names := c.sure[number].names
	if own := c.folders[number]; own != nil {
		names = own
	}
	// In order, so that the same seed gives the same folder.
	for _, name := range slices.Sorted(maps.Keys(names)) {
		n, below := names[name], filepath.Join(path, name)
		if c.sure[n].names != nil {
			if err := c.folder(below, n); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(below, c.content(n), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// content decides what a file holds.
func (c *cut) content(number int) []byte {
	sure, pending := c.sure[number].data, c.data[number]
	if len(pending) == 0 {
		return sure
	}
	ch := choice{rng: c.rng}
	switch c.rng.IntN(5) {
	case 0: // as if it had stopped being written
		ch.whole = true
	case 1, 2:
		ch.unit = page
	default:
		ch.unit = sector
	}
	if c.model == Journaled {
		known, _ := slices.BinarySearch(pending, c.end)
		ch.size, ch.ordered = c.between(0, known), true
	} else {
		ch.size, ch.rubbish = c.between(0, len(pending)), c.rng.IntN(3) == 0
	}
	return ch.survive(c.log, slices.Clone(sure), pending)
}

// choice decides which of a file's pending entries there are, unit by unit.
type choice struct {
	rng     *rand.Rand
	unit    int64
	whole   bool // the same beginning of the entries for all units, and the size
	size    int  // of how many entries the file has the size
	ordered bool // a size comes with its octets
	rubbish bool // where nothing was written, not zeros

	until map[int64]int // by unit: how many entries reached it
}

// survive gives what is left of data, which is the caller's, and the entries.
func (c *choice) survive(l *Log, data []byte, pending []int) []byte {
	c.until = make(map[int64]int)
	if c.whole {
		c.unit = 1 << 62
		c.until[0] = c.size
	}
	size := c.sizes(l, int64(len(data)), pending)
	for k, i := range pending {
		e := &l.entries[i]
		switch e.kind {
		case writes:
			data = c.room(data, int(e.at)+len(e.data))
			c.reach(e.at, e.at+int64(len(e.data)), k, len(pending), func(from, to int64) {
				copy(data[from:to], e.data[from-e.at:to-e.at])
			})
		case truncates:
			data = c.room(data, int(e.at))
			c.reach(e.at, int64(len(data)), k, len(pending), func(from, to int64) { clear(data[from:to]) })
		}
	}
	return c.room(data, int(size))[:size]
}

// sizes gives the size of which the choice is, and where octets come with their
// size decides that those are there that made it.
func (c *choice) sizes(l *Log, size int64, pending []int) int64 {
	for k, i := range pending[:c.size] {
		e := &l.entries[i]
		switch e.kind {
		case writes:
			end := e.at + int64(len(e.data))
			for unit := size / c.unit; c.ordered && end > size && unit <= (end-1)/c.unit; unit++ {
				c.until[unit] = max(c.until[unit], k+1+c.rng.IntN(len(pending)-k))
			}
			size = max(size, end)
		case truncates:
			size = e.at
		}
	}
	return size
}

// room makes data as long as n, with zeros or rubbish.
func (c *choice) room(data []byte, n int) []byte {
	old := len(data)
	data = grown(data, n)
	for i, b := old, byte(old); i < len(data) && c.rubbish; i++ {
		b = b*5 + 0x5f
		data[i] = b
	}
	return data
}

// reach calls fn with the parts of a range that entry k of n has reached.
func (c *choice) reach(from, end int64, k, n int, fn func(from, to int64)) {
	for from < end {
		unit := from / c.unit
		to := min((unit+1)*c.unit, end)
		if k < c.reached(unit, n) {
			fn(from, to)
		}
		from = to
	}
}

// reached is how many of n entries reached a unit.
func (c *choice) reached(unit int64, n int) int {
	until, ok := c.until[unit]
	if !ok {
		until = c.rng.IntN(n + 1)
		if c.rng.IntN(3) == 0 { // none or all
			until = n * c.rng.IntN(2)
		}
		c.until[unit] = until
	}
	return until
}
