package queue_test

import (
	"flag"
	"os"
	"testing"
)

// TestMain runs more tests at a time than there are processors: they have stores
// on a real disk and wait for its syncs, not for a processor.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
