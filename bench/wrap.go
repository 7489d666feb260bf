package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// What syncs are: the calls by which a program asks that its data be on the
// disk. strace wants them with commas.
const (
	syncCalls = "fsync,fdatasync,syncfs,sync,sync_file_range,msync"
	slowCalls = "fsync,fdatasync,syncfs,sync,sync_file_range"
	slowBy    = "5000" // microseconds
)

// wrapper is the command that a server is started through for what its endings
// say, and how its syncs are counted. The server itself is the same program with
// the same files: nothing in it knows of this.
func wrapper(dir string, has map[string]bool) (argv []string, syncs func() (int, error), err error) {
	if has[unsynced] {
		self, err := os.Executable()
		if err != nil {
			return nil, nil, err
		}
		argv = append(argv, self, roleUnsynced)
	}
	if !has[slowSync] && !has[traced] {
		return argv, nil, nil
	}
	log := filepath.Clean(dir) + ".syncs"
	// -D: the server is our child, not strace's. --seccomp-bpf: other calls cost
	// nothing. -A: both halves of a pair write one file.
	argv = append(argv, "strace", "-D", "-f", "--seccomp-bpf", "-qq", "-e", "signal=none", "-e", "trace="+syncCalls, "-A", "-o", log)
	if has[slowSync] {
		argv = append(argv, "-e", "inject="+slowCalls+":delay_enter="+slowBy)
	}
	return argv, (&syncLog{path: log}).count, nil
}

// syncLog is what strace writes: a line for each call, two for one that is
// interrupted by another's.
type syncLog struct {
	path   string
	offset int64
	n      int
}

// count gives how many there have been since the start.
func (l *syncLog) count() (int, error) {
	f, err := os.Open(l.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := f.Seek(l.offset, io.SeekStart); err != nil {
		return 0, err
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return 0, err
	}
	b = b[:bytes.LastIndexByte(b, '\n')+1]
	l.offset += int64(len(b))
	for line := range strings.Lines(string(b)) {
		if !strings.Contains(line, " resumed>") {
			l.n++
		}
	}
	return l.n, nil
}
