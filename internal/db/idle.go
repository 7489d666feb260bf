package db

import "time"

// Each connection keeps pages it has read, some megabytes when it has been busy.
// One that nobody has used for a while lets them go: the system has them too, and
// a server that has come to rest is small again.

// keepFor is how long a connection at rest keeps them, and up to as long again.
const keepFor = 15 * time.Second

// firstTurn is when the connections are visited first. What is read through once
// behind a start is not kept as long: each turn comes after twice the time of the
// one before, up to keepFor.
var firstTurn = 250 * time.Millisecond // never in a test that makes the turns itself

// rest is a goroutine that goes round the connections.
func (d *DB) rest() {
	defer d.finished.Done()
	wait := firstTurn
	t := time.NewTimer(wait)
	defer t.Stop()
	for {
		select {
		case <-d.stop:
			return
		case <-t.C:
		}
		d.turn()
		wait = min(2*wait, keepFor)
		t.Reset(wait)
	}
}

// turn visits every connection that is at rest, and has the writer see to its
// own.
func (d *DB) turn() {
	for range d.size {
		select {
		case c := <-d.readers:
			c.rested()
			d.readers <- c
		default: // the others are in use
		}
	}
	select {
	case d.resting <- struct{}{}:
	default: // it has not had the time for the last one
	}
}

// rested is told each turn: what was not used since the last lets its pages go,
// once.
func (c *conn) rested() {
	switch {
	case c.used:
		c.used, c.keeps = false, true
	case c.keeps:
		c.keeps = false
		_, _ = (&Tx{c: c}).Exec("PRAGMA shrink_memory") // it cannot fail
	}
}
