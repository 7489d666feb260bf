package db

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// What a full disk must not be asked for is there while the database is closed:
// an empty log with room, and the file of its index.
func TestReserveStays(t *testing.T) {
	const reserve = 1 << 20
	path := filepath.Join(t.TempDir(), "t.db")
	for i := range 2 {
		d, err := Open(t.Context(), path, testSchema, Options{Reserve: reserve})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Commit(t.Context(), 0, insert(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		log, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		if has := log.Sys().(*syscall.Stat_t).Blocks * 512; log.Size() != reserve || has < reserve {
			t.Errorf("the log has %d octets, %d of them on the disk", log.Size(), has)
		}
		b, err := os.ReadFile(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range b {
			if c != 0 {
				t.Fatalf("octet %d of the log is left: a start would read it", i)
			}
		}
		index, err := os.Stat(path + "-shm")
		if err != nil {
			t.Fatal(err)
		}
		if has := index.Sys().(*syscall.Stat_t).Blocks * 512; has < indexReserve {
			t.Errorf("its index has %d octets on the disk", has)
		}
	}
}
