package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"posthorn/interop/peer"
)

// The columns of cold start and memory that the suite judges.
const (
	colClean   = "start ms"
	colKilled  = "after kill ms"
	colLog     = "log MiB"
	colPSS     = "PSS MiB"
	colPeak    = "peak MiB"
	colSettled = "minute later MiB"
)

// coldStart is how long a Posthorn with many accounts takes from exec until every
// port answers: after a clean stop, and after kill -9 with a long log of the
// database that has not been taken over.
func coldStart() workload {
	return workload{name: "start", what: fmt.Sprintf("a server with many accounts: from exec until every port answers, after a clean stop and after kill -9 with %d MiB in the database's log", logSize>>20),
		columns: []column{{colClean, less}, {colPSS, less}, {colKilled, less}, {colLog, neither}},
		steady:  true, alone: "posthorn" + crowded, round: startRound}
}

func startRound(s *peer.Server, _ float64) ([]float64, error) {
	s.Stop()
	clean, err := launch(s)
	if err != nil {
		return nil, err
	}
	if _, err := calm(s); err != nil {
		return nil, err
	}
	u, err := s.Usage()
	if err != nil {
		return nil, err
	}
	left, err := killWithLog(s)
	if err != nil {
		return nil, err
	}
	killed, err := launch(s)
	if err != nil {
		return nil, err
	}
	_, err = calm(s) // what is left to do belongs to no other figure
	return []float64{ms(clean), float64(u.PSS) / (1 << 20), ms(killed), float64(left) / (1 << 20)}, err
}

// launch starts the server and gives the time until every port has greeted.
func launch(s *peer.Server) (time.Duration, error) {
	began := time.Now()
	if err := s.Begin(); err != nil {
		return 0, err
	}
	for addr, within := range map[string]bool{s.SMTP: false, s.Submission: false, s.Submissions: true, s.IMAP: false, s.IMAPS: true, s.POP3: false, s.POP3S: true} {
		for !greets(addr, within) {
			if time.Since(began) > time.Minute {
				return 0, fmt.Errorf("%s does not answer within a minute", addr)
			}
			time.Sleep(time.Millisecond)
		}
	}
	return time.Since(began), nil
}

// greets tells whether a server says something to who connects.
func greets(addr string, within bool) bool {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	defer c.Close()
	if within {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true}) // a loopback server we started
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	_, err = bufio.NewReader(c).ReadSlice('\n')
	return err == nil
}

// logSize is the length of the log that a killed server leaves.
const logSize = 64 << 20

// killWithLog sends mail until the database's log is long, and kills.
func killWithLog(s *peer.Server) (int64, error) {
	db := filepath.Join(s.Dir, "data", "posthorn.db")
	reader, err := standStill(db)
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	size := func() int64 {
		if fi, err := os.Stat(db + "-wal"); err == nil {
			return fi.Size()
		}
		return 0
	}
	load := smtpLoad{conns: 16, size: 4 << 10, recipients: 1}
	for limit := time.Now().Add(2 * time.Minute); size() < logSize; {
		if time.Now().After(limit) {
			return 0, fmt.Errorf("the log has %d octets after two minutes of mail", size())
		}
		message, from, err := load.message()
		if err != nil {
			return 0, err
		}
		if _, err := load.send(s, runs.Add(1), 200, message, from, spread(1, len(s.Users))); err != nil {
			return 0, err
		}
	}
	s.Kill()
	return size(), nil
}

// standStill does what a reader of a SQLite database does that never finishes:
// it holds the lock of the first read mark (https://sqlite.org/walformat.html,
// section 2.3.1: WAL_READ_LOCK(1)) until it is closed. What comes into the log
// from then on stays there: it is neither taken over nor begun anew.
func standStill(db string) (io.Closer, error) {
	f, err := os.OpenFile(db+"-shm", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	const readLock1 = 124
	lock := syscall.Flock_t{Type: syscall.F_RDLCK, Whence: io.SeekStart, Start: readLock1, Len: 1}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLKW, &lock); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return f, nil
}
