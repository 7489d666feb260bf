package main

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"posthorn/interop/peer"
)

// usage is what something took.
type usage struct {
	took   time.Duration
	cpu    time.Duration // of the server's processes
	behind time.Duration // of them afterwards, until they rested
	client time.Duration // CPU of this program
	idle   float64       // of the machine's CPU time
	pss    int64         // the server's, at the end
	syncs  int           // -1: not counted
	from   int           // syncs before
}

var cores = runtime.NumCPU()

func timed(s *peer.Server, do func() error) (u usage, err error) {
	before, err := s.Usage()
	if err != nil {
		return u, err
	}
	if u.from, err = s.CountSyncs(); err != nil {
		return u, err
	}
	own, machine := ownCPU(), machineTime()
	began := time.Now()
	if err := do(); err != nil {
		return u, err
	}
	u.took = time.Since(began)
	u.client = ownCPU() - own
	u.idle = machineTime().idleSince(machine)
	after, err := s.Usage()
	if err != nil {
		return u, err
	}
	u.cpu, u.pss = after.CPU-before.CPU, after.PSS
	return u, u.countSyncs(s)
}

// settle waits until the server's processes rest, and adds what they used
// meanwhile: work that was only put off is work, too.
func (u *usage) settle(s *peer.Server) (err error) {
	if s.Name == nothing {
		return nil // it puts nothing off
	}
	if u.behind, err = calm(s); err != nil {
		return err
	}
	return u.countSyncs(s)
}

// calm waits until a server has used next to no CPU for longer than any of them
// leaves new mail alone before it works on (Posthorn's index: a second), half a
// minute at most. It gives the CPU used meanwhile.
func calm(s *peer.Server) (used time.Duration, err error) {
	const look, quiet, limit = 100 * time.Millisecond, 13, 300
	first, err := s.CPU()
	if err != nil {
		return 0, err
	}
	last := first
	for still, n := 0, 0; still < quiet && n < limit; n++ {
		time.Sleep(look)
		now, err := s.CPU()
		if err != nil {
			return 0, err
		}
		if still++; now-last > look/10 {
			still = 0
		}
		last = now
	}
	return last - first, nil
}

func (u *usage) countSyncs(s *peer.Server) error {
	n, err := s.CountSyncs()
	u.syncs = n - u.from
	if n < 0 {
		u.syncs = -1
	}
	return err
}

// ownCPU is what this program has used.
func ownCPU() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// cpuTime is the first line of /proc/stat: ticks of all CPUs.
type cpuTime struct{ all, idle int64 }

func machineTime() (t cpuTime) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return t
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	for i, f := range bytes.Fields(line)[1:] {
		n, _ := strconv.ParseInt(string(f), 10, 64)
		if i >= 8 { // guests' time is within user's
			break
		}
		t.all += n
		if i == 3 || i == 4 { // idle, iowait
			t.idle += n
		}
	}
	return t
}

func (t cpuTime) idleSince(before cpuTime) float64 {
	if t.all == before.all {
		return 0
	}
	return float64(t.idle-before.idle) / float64(t.all-before.all)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
