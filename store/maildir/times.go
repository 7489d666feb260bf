package maildir

import (
	"fmt"
	"os"
	"time"

	"posthorn/store"
)

// SetTime gives a file the time t. All names of one inode get it.
func (b *Blobs) SetTime(f store.File, t time.Time) error {
	err := b.lookup(f, func(path string) error { return os.Chtimes(path, time.Time{}, t) })
	if err != nil {
		return fmt.Errorf("set time of %s: %w", f.Key, err)
	}
	return nil
}
