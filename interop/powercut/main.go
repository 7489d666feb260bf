// Command powercut cuts the power of a machine that Posthorn serves on, again and
// again, and holds it to every answer it gave (interop/promise). It is run by hand,
// as root on Debian, with KVM or without (-accel tcg: some ten times slower):
//
//	apt-get install qemu-system-x86 busybox-static kmod cpio e2fsprogs
//	go run ./interop/powercut -cuts 30
//
// The machine is Debian's kernel in qemu with an ext4 (journal, data=ordered) on a
// disk of ours, which qemu reaches by NBD. A cut stops the disk at once and then
// kills qemu. So these are lost: what was in the memory of the machine, the page
// cache with it; and, of what it had written, each sector of 512 octets that no
// flush has covered since, at random, in whatever order it was written (disk.go):
// all of them in one cut of three, half of them in another, none in the third. A
// flush takes a while (-flush), as on a disk that turns, and the cut waits for a
// moment at which much is not flushed. A disk that does not keep what it confirms
// to have flushed is not played.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"posthorn/interop/peer"
	"posthorn/interop/promise"
)

func main() {
	cuts := flag.Int("cuts", 30, "how many")
	dir := flag.String("dir", "", "where image and disk are kept; empty: a temporary folder")
	accelerator := flag.String("accel", "kvm", "what runs the machine: kvm, or tcg where that is not to be had")
	load := flag.Duration("load", 3*time.Second, "how long the load lasts once it is answered, before a cut: up to twice as long, at random")
	clients := flag.Int("clients", 4, "how many times the usual clients load it at once")
	flush := flag.Duration("flush", 10*time.Millisecond, "how long the disk takes for a flush: what is written meanwhile can be lost")
	lie := flag.Bool("lie", false, "have the disk confirm flushes that it does not make: then mail must be found lost")
	flag.Parse()
	if err := run(*cuts, world{dir: *dir, accelerator: *accelerator, loaded: *load, clients: *clients, flush: *flush, lies: *lie}); err != nil {
		fmt.Fprintln(os.Stderr, "powercut:", err)
		os.Exit(1)
	}
}

// keep are the shares of unflushed sectors that a cut leaves, by turns.
var keep = []float64{0, 0.5, 1}

func run(cuts int, w world) error {
	if w.dir == "" {
		var err error
		if w.dir, err = os.MkdirTemp("", "powercut"); err != nil {
			return err
		}
		defer os.RemoveAll(w.dir)
	}
	if err := w.prepare(); err != nil {
		return err
	}
	defer w.sink.Close()
	for n := range cuts {
		if err := w.round(n); err != nil {
			return fmt.Errorf("cut %d: %w", n+1, err)
		}
	}
	return w.last()
}

// world is the machine with those who load it.
type world struct {
	dir, accelerator string
	loaded           time.Duration
	clients          int
	flush            time.Duration // of the disk
	lies             bool          // the disk

	ports map[int]string
	sink  *promise.Sink
	load  *promise.Load
	at    *peer.Server
	cuts  []time.Time
	lossy int // cuts that lost sectors
	lost  int // sectors
}

// A cut waits until the disk holds as many unflushed sectors as it has drawn, of
// up to mostWanted, but no longer than patience: most moments of a machine that
// syncs all the time have few.
const (
	mostWanted = 400
	patience   = 3 * time.Second
)

// round boots, holds the server to its answers, loads it and cuts the power: every
// fourth time while it starts.
func (w *world) round(n int) error {
	began := time.Now()
	m, err := w.boot(n%2 == 1)
	if err != nil {
		return err
	}
	early := n%4 == 3
	if !early {
		if err := w.verify(m, n%2 == 1); err != nil {
			m.cutOff(1)
			return err
		}
	}
	verified := time.Since(began)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		w.load.Run(ctx)
		close(ended)
	}()
	if early {
		err = m.mounted()
	} else {
		w.underWay()
	}
	time.Sleep(time.Duration(2 * rand.Float64() * float64(w.loaded))) // any moment
	m.disk.holds(1+rand.IntN(mostWanted), patience)
	sectors, lost, e := m.cutOff(keep[n%len(keep)])
	err = errors.Join(err, e)
	w.cuts = append(w.cuts, time.Now())
	if w.lost += lost; lost > 0 {
		w.lossy++
	}
	stop()
	<-ended
	if err != nil {
		return err
	}
	fmt.Printf("cut %d: verified after %.1f s, on while starting: %v; %d of %d unflushed sectors lost; %d writes, %d flushes; answered so far: %v\n",
		n+1, verified.Seconds(), early, lost, sectors, m.disk.stats.writes, m.disk.stats.flushes, w.load.Done())
	return w.fsck()
}

// underWay waits until mail is answered for: the logins before take their time
// without KVM.
func (w *world) underWay() {
	answered := func() int { done := w.load.Done(); return done["SMTP"] + done["submission"] + done["IMAP APPEND"] }
	began := answered()
	for end := time.Now().Add(time.Minute); answered() < began+10 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
}

// verify waits for the server and holds it to its answers; the store is checked
// before it serves, or while it does.
func (w *world) verify(m *machine, before bool) error {
	if before {
		if err := m.checked(); err != nil {
			return err
		}
	}
	if err := m.listening(w.at); err != nil {
		return err
	}
	if err := w.load.Verify(); err != nil {
		return fmt.Errorf("%w\n%s", err, m.lastWords())
	}
	if found := w.load.Problems(); len(found) > 0 {
		return fmt.Errorf("%d problems: %q", len(found), found)
	}
	if before {
		return nil
	}
	return m.check()
}

// fsck looks whether the file system is whole once its journal has been replayed;
// on a copy, since the machine is to do that by itself.
func (w *world) fsck() error {
	copied := filepath.Join(w.dir, "fsck.img")
	if out, err := exec.Command("cp", "--sparse=always", filepath.Join(w.dir, "disk.img"), copied).CombinedOutput(); err != nil {
		return fmt.Errorf("copy the disk: %w: %s", err, out)
	}
	out, err := exec.Command("e2fsck", "-p", copied).CombinedOutput()
	if e, ok := err.(*exec.ExitError); ok && e.ExitCode() == 1 { // e2fsck(8): errors corrected, as by the journal
		err = nil
	}
	if err != nil {
		return fmt.Errorf("e2fsck: %w: %s", err, out)
	}
	return nil
}

// last verifies what the last cut left, and that all mail for elsewhere left.
func (w *world) last() error {
	m, err := w.boot(false)
	if err != nil {
		return err
	}
	defer m.cutOff(1)
	if err := w.verify(m, false); err != nil {
		return err
	}
	twice, all := w.load.Relayed(time.Minute)
	for to, at := range twice {
		if !w.cutBetween(at) {
			return fmt.Errorf("%s was sent to at %v, and no cut explains it", to, at)
		}
	}
	if found := w.load.Problems(); len(found) > 0 {
		return fmt.Errorf("%d problems: %q", len(found), found)
	}
	for said, n := range w.load.Refusals() {
		fmt.Printf("refused %d times: %s\n", n, said)
	}
	fmt.Printf("%d cuts, of which %d lost %d sectors; no answer broken, nothing twice; answered: %v; %d recipients elsewhere, %d sent to again because of a cut\n",
		len(w.cuts), w.lossy, w.lost, w.load.Done(), all, len(twice))
	return nil
}

// cutBetween tells whether a cut came between any two deliveries.
func (w *world) cutBetween(at []time.Time) bool {
	for i := 1; i < len(at); i++ {
		between := false
		for _, c := range w.cuts {
			between = between || c.After(at[i-1]) && c.Before(at[i])
		}
		if !between {
			return false
		}
	}
	return true
}
