// Package peer starts whole mail servers on loopback ports for tests and
// benchmarks: Posthorn itself, built from this tree, and Debian's Postfix with
// Dovecot, each in a folder of its own. No service of the machine is touched,
// and what was started is stopped by its own process id.
package peer

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Server is a running mail server. Addresses are host:port; empty when it has
// no such listener.
type Server struct {
	Name        string
	Dir         string
	Domain      string
	Users       []string // full addresses
	Password    string
	SMTP        string // MX port
	Submission  string // STARTTLS
	Submissions string // implicit TLS; Posthorn only
	IMAP        string // STARTTLS
	IMAPS       string
	POP3        string
	POP3S       string
	CA          string       // PEM file that signs its certificate
	Roots       func() []int // the processes it consists of, without their children
	Stop        func()
	// Import fills mailboxes faster than any protocol could. What the server
	// has of its own beside them is as after a restart.
	Import func([]Mailbox) error
	// Restart stops the server and starts it again on its data; nil where
	// nobody needs it.
	Restart func() error
	// Kill ends the server as a fault would, by SIGKILL; Begin starts it on its
	// data and does not wait for it. Posthorn only.
	Kill  func()
	Begin func() error
	// Drop takes everything out of the queue and tells nobody.
	Drop func() error
	// List prints the first page of the queue.
	List func() (string, error)
	// Syncs tells how many syncs its processes have made so far; nil where
	// nobody counts.
	Syncs func() (int, error)
}

// CountSyncs is Syncs, and -1 where nobody counts.
func (s *Server) CountSyncs() (int, error) {
	if s.Syncs == nil {
		return -1, nil
	}
	return s.Syncs()
}

// FreePort finds a TCP port of 127.0.0.1 that nobody listens on.
func FreePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer ln.Close()
	return ln.Addr().(*net.TCPAddr).Port, nil
}

// addresses gives n free loopback addresses.
func addresses(n int) ([]string, error) {
	var held []net.Listener
	defer func() {
		for _, ln := range held {
			ln.Close()
		}
	}()
	var out []string
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		held = append(held, ln)
		out = append(out, ln.Addr().String())
	}
	return out, nil
}

// WaitListening returns when every address accepts a connection.
func WaitListening(limit time.Duration, addrs ...string) error {
	deadline := time.Now().Add(limit)
	for _, a := range addrs {
		for {
			c, err := net.DialTimeout("tcp", a, time.Second)
			if err == nil {
				c.Close()
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("nobody listens on %s after %s: %w", a, limit, err)
			}
			time.Sleep(2 * time.Millisecond)
		}
	}
	return nil
}

// Usage is what a server's processes have used so far and hold now.
type Usage struct {
	CPU time.Duration // user and system, of processes that have ended too
	RSS int64         // resident octets, shared pages counted once a process
	PSS int64         // proportional set size: shared pages split among those who share them
}

// clockTick is the unit of /proc/PID/stat's times; 100 a second on Linux.
const clockTick = time.Second / 100

// Usage adds up the server's processes and all their descendants.
func (s *Server) Usage() (u Usage, err error) {
	err = s.processes(func(pid int, st procStat) {
		u.CPU += st.cpu
		u.RSS += st.rss
		u.PSS += readPSS(pid)
	})
	return u, err
}

// CPU is Usage's: looking at memory costs more.
func (s *Server) CPU() (cpu time.Duration, err error) {
	err = s.processes(func(_ int, st procStat) { cpu += st.cpu })
	return cpu, err
}

// Waited is how long the threads that the server has now could have run and
// waited for a CPU: on a busy machine what uses none may still have work.
func (s *Server) Waited() (waited time.Duration, err error) {
	err = s.processes(func(pid int, _ procStat) { waited += readWaited(pid) })
	return waited, err
}

// processes calls fn for each of the server's processes.
func (s *Server) processes(fn func(pid int, st procStat)) error {
	if s.Roots == nil {
		return nil
	}
	children := map[int][]int{}
	stats := map[int]procStat{}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	for _, d := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(d))
		st, err := readStat(pid)
		if err != nil {
			continue // it ended while we looked
		}
		stats[pid] = st
		children[st.parent] = append(children[st.parent], pid)
	}
	todo := append([]int(nil), s.Roots()...)
	for len(todo) > 0 {
		pid := todo[0]
		todo = append(todo[1:], children[pid]...)
		fn(pid, stats[pid])
	}
	return nil
}

type procStat struct {
	parent int
	cpu    time.Duration
	rss    int64
}

// readStat reads proc(5)'s stat: the fields after the last ')' are numbered
// from 3.
func readStat(pid int) (procStat, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return procStat{}, err
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	n := func(field int) int64 {
		v, _ := strconv.ParseInt(f[field-3], 10, 64)
		return v
	}
	ticks := n(14) + n(15) + n(16) + n(17) // own and waited-for children's
	return procStat{parent: int(n(4)), cpu: time.Duration(ticks) * clockTick, rss: n(24) * int64(os.Getpagesize())}, nil
}

// readWaited adds up the second field of its threads' schedstat, nanoseconds
// (Documentation/scheduler/sched-stats.rst); 0 where there is none.
func readWaited(pid int) (waited time.Duration) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid)) // the pattern is right
	for _, t := range threads {
		b, err := os.ReadFile(t)
		if err != nil {
			continue // it ended while we looked
		}
		if f := strings.Fields(string(b)); len(f) > 1 {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			waited += time.Duration(n)
		}
	}
	return waited
}

func readPSS(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}
