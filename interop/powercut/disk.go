package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
)

// sector is what a disk writes as a whole, in octets.
const sector = 512

// disk is a disk with a cache of its own that a power cut empties: what was
// written since the last flush is kept or lost, each sector by itself, in any of
// the states it had since then, whatever the order of the writes. What a flush
// covered is in the image.
type disk struct {
	mu     sync.Mutex
	image  *os.File
	size   int64
	cached map[int64][][]byte // guarded by mu: of a sector, what was written to it since the last flush
	cut    bool               // guarded by mu: nothing is answered any more
	lies   bool               // it confirms flushes and makes none
	stats  struct{ writes, flushes int64 }
}

func openDisk(path string, lies bool) (*disk, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	i, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return &disk{image: f, size: i.Size(), lies: lies, cached: map[int64][][]byte{}}, nil
}

// errCut is the answer of a disk without power: none.
var errCut = fmt.Errorf("the power is cut")

// read fills b from an offset; both are multiples of sector.
func (d *disk) read(b []byte, at int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cut {
		return errCut
	}
	if _, err := d.image.ReadAt(b, at); err != nil {
		return err
	}
	for i := int64(0); i < int64(len(b)); i += sector {
		if versions := d.cached[(at+i)/sector]; len(versions) > 0 {
			copy(b[i:i+sector], versions[len(versions)-1])
		}
	}
	return nil
}

// write takes b into the cache, or past it.
func (d *disk) write(b []byte, at int64, through bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cut {
		return errCut
	}
	d.stats.writes++
	for i := int64(0); i < int64(len(b)); i += sector {
		n := (at + i) / sector
		if through && !d.lies {
			delete(d.cached, n)
			if _, err := d.image.WriteAt(b[i:i+sector], at+i); err != nil {
				return err
			}
			continue
		}
		d.cached[n] = append(d.cached[n], append([]byte(nil), b[i:i+sector]...))
	}
	return nil
}

// flush puts all that was written into the image.
func (d *disk) flush() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cut {
		return errCut
	}
	d.stats.flushes++
	if d.lies {
		return nil
	}
	for n, versions := range d.cached {
		if _, err := d.image.WriteAt(versions[len(versions)-1], n*sector); err != nil {
			return err
		}
	}
	clear(d.cached)
	return nil
}

// powerOff ends the disk. Of the cache so much is kept, of one: at 1 nothing is
// lost but what the machine had not written, at 0 everything since the last flush.
func (d *disk) powerOff(kept float64) (sectors, lost int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cut = true
	for n, versions := range d.cached {
		sectors++
		i := len(versions) - 1
		if rand.Float64() >= kept {
			i = rand.IntN(len(versions)) - 1 // as it was, or in any state but the last
			if kept == 0 {
				i = -1
			}
		}
		if i < len(versions)-1 {
			lost++
		}
		if i < 0 {
			continue
		}
		if _, err := d.image.WriteAt(versions[i], n*sector); err != nil {
			return sectors, lost, err
		}
	}
	return sectors, lost, d.image.Close()
}
