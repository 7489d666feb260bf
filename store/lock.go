package store

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lock takes the data folder for this process. The lock is the kernel's and
// ends with the process; the pid in the file is for people. ErrInUse names it.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if err != syscall.EWOULDBLOCK {
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		pid, _ := io.ReadAll(io.LimitReader(f, 20))
		return nil, inUse{dir, strings.TrimSpace(string(pid))}
	}
	// In the place of the old one: a full disk has no other.
	n, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0)
	if err == nil {
		err = f.Truncate(int64(n))
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// inUse is ErrInUse with the folder and its holder.
type inUse struct{ dir, pid string }

func (e inUse) Error() string { return "data folder " + e.dir + " is held by process " + e.pid }
func (e inUse) Unwrap() error { return ErrInUse }
