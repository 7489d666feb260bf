package maildir

import (
	"fmt"
	"time"

	"posthorn/store"
)

// SetTime gives a file the time t. All names of one inode get it.
func (b *Blobs) SetTime(f store.File, t time.Time) error {
	err := b.lookup(f, func(path string) error { return b.disk.SetTime(path, t) })
	if err != nil {
		return fmt.Errorf("set time of %s: %w", f.Key, err)
	}
	return nil
}
