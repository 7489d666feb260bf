package maildir

import (
	"context"
	"fmt"
	"time"

	"posthorn/store"
)

// SetTime gives a file the time t. All names of one inode get it.
func (b *Blobs) SetTime(ctx context.Context, f store.File, t time.Time) error {
	err := b.lookup(ctx, f, func(path string) error { return b.disk.SetTime(path, t) })
	if err != nil {
		return fmt.Errorf("set time of %s: %w", f.Key, err)
	}
	return nil
}
