package maildir_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"posthorn/store/maildir"
)

// Where staging is on another file system than the root, a sync of the root's
// would make nothing durable of what comes from there.
func TestStagingOnAnotherFileSystem(t *testing.T) {
	other, err := os.MkdirTemp("/dev/shm", "posthorn-test")
	if err != nil {
		t.Skip("no other file system:", err)
	}
	defer os.RemoveAll(other)
	dir := t.TempDir()
	var here, there unix.Stat_t
	if err := errors.Join(unix.Stat(dir, &here), unix.Stat(other, &there)); err != nil {
		t.Fatal(err)
	}
	if here.Dev == there.Dev {
		t.Skip("it is the same file system")
	}
	if err := os.Symlink(other, filepath.Join(dir, "tmp")); err != nil {
		t.Fatal(err)
	}
	b := maildir.New(dir)
	for what, err := range map[string]error{"CanSyncAll": b.CanSyncAll(), "SyncAll": b.SyncAll(), "Write": b.Write("1.K", []byte("x"), nil)} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
