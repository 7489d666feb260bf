package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"posthorn/message"
	"posthorn/store"
)

func TestDigestsAreMadeOnceAndAgain(t *testing.T) {
	f := setUp(t)
	a, b := f.deliver(hello, 0), f.deliver(hello, 0)
	ask := func() [][]byte {
		t.Helper()
		m := f.box("INBOX")
		msgs, err := m.Messages(t.Context(), []store.UID{a.UID, b.UID})
		ok(t, err)
		all, err := m.Digests(t.Context(), msgs)
		ok(t, err)
		return all
	}
	d, err := message.ParseDigest(ask()[0])
	ok(t, err)
	if !strings.Contains(string(d.Envelope), `"hello"`) {
		t.Errorf("envelope %s", d.Envelope)
	}
	// They are kept: the content is not needed for the second answer, but for a
	// message it was never asked for.
	c := f.deliver(hello, 0)
	ok(t, os.RemoveAll(filepath.Join(f.dir, "accounts")))
	if all := ask(); all[0] == nil || all[1] == nil {
		t.Error("digests were not kept")
	}
	b = c
	if all := ask(); all[0] == nil || all[1] != nil {
		t.Error("content that is gone was digested")
	}
	// The derived file may be lost, and may be nonsense.
	ok(t, f.Close())
	for _, end := range []string{"", "-wal", "-shm"} {
		os.Remove(filepath.Join(f.dir, "derived.db"+end))
	}
	ok(t, os.WriteFile(filepath.Join(f.dir, "derived.db"), []byte(strings.Repeat("nonsense", 1000)), 0o600))
	f.open()
	if all := ask(); all[0] != nil {
		t.Error("a digest out of nowhere")
	}
}
