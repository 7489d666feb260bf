package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

const diskAlone = "disk alone"

// writeAlone writes and syncs n files of size octets, so many at a time, and
// gives how many a second.
func writeAlone(size, atATime, n int) (float64, error) {
	dir, err := os.MkdirTemp("", "disk")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	content := newStamped(stranger, size).body
	var next atomic.Int64
	began := time.Now()
	err = parallel(atATime, func(int) error {
		for {
			i := next.Add(1)
			if i > int64(n) {
				return nil
			}
			if err := writeSynced(filepath.Join(dir, fmt.Sprint(i)), content); err != nil {
				return err
			}
		}
	})
	return float64(n) / time.Since(began).Seconds(), err
}

func writeSynced(path string, content []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errOr(err, f.Close())
}
