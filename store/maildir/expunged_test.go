package maildir

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"posthorn/store"
)

func named(k store.Key) store.File { return store.File{Place: store.Place{Dir: "x"}, Key: k} }

func TestListsOfExpungedKeys(t *testing.T) {
	b := New(t.TempDir())
	if all, err := b.Expunged(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("without a list: %v, %v", all, err)
	}
	ok(t, b.ForgetExpunged(t.Context(), time.Now()))
	ok(t, b.NoteExpunged([]store.File{named("a"), named("b")}))
	ok(t, b.NoteExpunged([]store.File{named("b"), named("c-2")}))
	foreign := filepath.Join(b.root, "expunged", "README") // and as a crash may leave a list
	ok(t, os.WriteFile(foreign, []byte("x/d\ne\nx/cut o"), 0o600))
	want := map[store.File]bool{named("a"): true, named("b"): true, named("c-2"): true, named("d"): true}
	if all, err := b.Expunged(t.Context()); err != nil || !maps.Equal(all, want) {
		t.Errorf("%v, %v", all, err)
	}
	for _, c := range []struct {
		before time.Time
		left   int
	}{{time.Now().Add(-time.Minute), 3}, {time.Now().Add(time.Minute), 1}} {
		ok(t, b.ForgetExpunged(t.Context(), c.before))
		if names, err := os.ReadDir(filepath.Dir(foreign)); err != nil || len(names) != c.left {
			t.Errorf("before %v: %v, %v", c.before, names, err)
		}
	}
}
