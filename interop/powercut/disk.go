package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"time"
)

// sector is what a disk writes as a whole, in octets.
const sector = 512

// disk is a disk with a cache of its own that a power cut empties: what was
// written since the last flush is kept or lost, each sector by itself, in any of
// the states it had since then, whatever the order of the writes. What a flush
// covered when it began is in the image when it has ended; a flush takes as long
// as delay, and other calls go on meanwhile.
type disk struct {
	size  int64
	lies  bool          // it confirms flushes and makes none
	delay time.Duration // of a flush

	mu     sync.Mutex
	image  *os.File
	cached map[int64][]version // guarded by mu: of a sector, what was written to it and no flush has covered
	last   int64               // guarded by mu: writes so far
	cut    bool                // guarded by mu: nothing is answered any more
	stats  struct{ writes, flushes int64 }
}

// version is what one write has left in a sector.
type version struct {
	write int64
	data  []byte
}

func openDisk(path string, lies bool, delay time.Duration) (*disk, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	i, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return &disk{image: f, size: i.Size(), lies: lies, delay: delay, cached: map[int64][]version{}}, nil
}

// errCut is the answer of a disk without power: none.
var errCut = errors.New("the power is cut")

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
			copy(b[i:i+sector], versions[len(versions)-1].data)
		}
	}
	return nil
}

// write takes b into the cache, and gives the number of the write.
func (d *disk) write(b []byte, at int64) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cut {
		return 0, errCut
	}
	d.stats.writes++
	d.last++
	for i := int64(0); i < int64(len(b)); i += sector {
		n := (at + i) / sector
		d.cached[n] = append(d.cached[n], version{d.last, append([]byte(nil), b[i:i+sector]...)})
	}
	return d.last, nil
}

// flush makes durable all that had been written when it began.
func (d *disk) flush() error {
	d.mu.Lock()
	upTo := d.last
	d.mu.Unlock()
	time.Sleep(d.delay) // the disk is that slow
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cut {
		return errCut
	}
	d.stats.flushes++
	for n := range d.cached {
		if err := d.settle(n, upTo); err != nil {
			return err
		}
	}
	return nil
}

// through makes one write durable, for FUA.
func (d *disk) through(write, at int64, length int) error {
	time.Sleep(d.delay) // the disk is that slow
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cut {
		return errCut
	}
	for n := at / sector; n < (at+int64(length))/sector; n++ {
		if err := d.settle(n, write); err != nil {
			return err
		}
	}
	return nil
}

// settle brings a sector to the image as it was after a write; mu is held.
func (d *disk) settle(n, upTo int64) error {
	if d.lies {
		return nil
	}
	versions := d.cached[n]
	k := 0
	for k < len(versions) && versions[k].write <= upTo {
		k++
	}
	if k == 0 {
		return nil
	}
	if _, err := d.image.WriteAt(versions[k-1].data, n*sector); err != nil {
		return err
	}
	if d.cached[n] = versions[k:]; k == len(versions) {
		delete(d.cached, n)
	}
	return nil
}

// holds waits until a cut could lose so many sectors, as long as limit.
func (d *disk) holds(sectors int, limit time.Duration) {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		d.mu.Lock()
		n := len(d.cached)
		d.mu.Unlock()
		if n >= sectors {
			return
		}
	}
}

// isCut tells whether it has no power any more.
func (d *disk) isCut() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cut
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
		if _, err := d.image.WriteAt(versions[i].data, n*sector); err != nil {
			return sectors, lost, err
		}
	}
	return sectors, lost, d.image.Close()
}
