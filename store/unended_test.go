package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"posthorn/store"
	"posthorn/store/maildir"
	"posthorn/store/storetest"
)

// Whether a message's last line has its CRLF is known however the message came
// into its mailbox. RFC 1939 §11.
func TestUnendedIsKnown(t *testing.T) {
	f := setUp(t)
	contents := []string{"A: b\r\n\r\nend\r\n", "A: b\r\n\r\nno end", "A: b\r\n\r\nbare\n", "\n", "x", "", "A: b\r\n\r\n\r"}
	want := []bool{false, true, true, true, true, false, true}
	for _, c := range contents {
		f.deliver(c, 0)
	}
	holds := func(box string, want []bool) {
		t.Helper()
		uids := make([]store.UID, len(want))
		for i := range uids {
			uids[i] = store.UID(i + 1)
		}
		all, err := f.box(box).Messages(t.Context(), uids)
		ok(t, err)
		if len(all) != len(want) {
			t.Fatalf("%d messages in %s", len(all), box)
		}
		for i, m := range all {
			if m.Unended != want[i] {
				t.Errorf("%s %d: %v", box, i+1, m.Unended)
			}
		}
	}
	holds("INBOX", want)
	b, err := f.box("Archive").Box(t.Context())
	ok(t, err)
	_, err = f.box("INBOX").Copy(t.Context(), []store.UID{1, 2}, b.ID, store.AllFlags)
	ok(t, err)
	holds("Archive", want[:2])

	ok(t, f.Reflect(t.Context()))
	ok(t, os.WriteFile(filepath.Join(filepath.Dir(f.content()), "1234.M5.host"), []byte("foreign\n"), 0o600))
	if p := f.problems(true); len(p) != 1 {
		t.Fatalf("found %+v", p)
	}
	holds("Recovered", []bool{true})

	ok(t, f.Reflect(t.Context()))
	ok(t, f.Close())
	ok(t, os.Remove(filepath.Join(f.dir, store.DatabaseName)))
	ok(t, os.Remove(filepath.Join(f.dir, store.DatabaseName+"-wal")))
	ok(t, store.Reindex(t.Context(), f.dir, maildir.New(f.dir), nil))
	f.open()
	holds("INBOX", want)
	holds("Archive", want[:2])
	holds("Recovered", []bool{true})
	storetest.Clean(t, f.Store)
}
