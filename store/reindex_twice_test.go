package store_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What is expunged does not come back either when the database is lost once more,
// after purge has looked at what the first Reindex entered.
func TestExpungedMessagesDoNotComeBackWithTheSecondReindex(t *testing.T) {
	f := setUp(t)
	f.deliver(hello, 0)
	ok(t, f.Reflect(t.Context()))
	_, err := f.box("INBOX").Expunge(t.Context(), nil, true)
	ok(t, err)
	ok(t, f.Reflect(t.Context()))
	for _, l := range f.lists() { // as if it had been some time ago
		ok(t, os.Rename(l, filepath.Join(filepath.Dir(l), "1600000000"+filepath.Base(l)[10:])))
	}
	for range 2 {
		f.lose()
		f.rebuild()
		f.purge(time.Now())
		if b, err := f.box("INBOX").Box(t.Context()); err != nil || b.Messages != 0 {
			t.Errorf("%d messages came back, %v", b.Messages, err)
		}
	}
}
