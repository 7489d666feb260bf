package maildir

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// root is a folder whose file system is synced. The kernel keeps for each open
// file which errors it has been told of, so it stays open.
type root struct{ *os.File }

func (r root) Sync() error {
	for {
		err := unix.Syncfs(int(r.Fd()))
		if err == nil {
			return nil
		}
		if err != unix.EINTR {
			return &os.PathError{Op: "syncfs", Path: r.Name(), Err: err}
		}
	}
}

// OpenRoot fails before Linux 5.8: there syncfs succeeds whatever became of the
// pages it wrote.
func (System) OpenRoot(path string) (Root, error) {
	if !syncfsTells() {
		return nil, fmt.Errorf("syncfs before Linux 5.8: %w", errors.ErrUnsupported)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return root{f}, nil
}

var syncfsTells = sync.OnceValue(func() bool {
	var u unix.Utsname
	var major, minor int
	if unix.Uname(&u) != nil {
		return false
	}
	_, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor)
	return err == nil && (major > 5 || major == 5 && minor >= 8)
})
