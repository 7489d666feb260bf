// Package blank gives tests empty stores. The history of the schema takes the race
// detector as long as a whole test does, so one store is made by store.Open in a
// process, and every other begins with a copy of its files. That an empty folder
// becomes a store is proven where the program starts: cmd/posthorn and interop.
package blank

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"posthorn/store"
	"posthorn/store/maildir"
)

// Open opens an empty store in a folder of the test's own and closes it at the
// test's end, unless the test has done that.
func Open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	dir := t.TempDir()
	Fill(t, dir)
	s, err := store.Open(t.Context(), dir, maildir.New(dir), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// Fill makes dir, which has nothing in it, the folder of an empty store that is
// closed.
func Fill(t testing.TB, dir string) {
	t.Helper()
	all, err := files()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range all {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// files are those of an empty store, by name.
var files = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "posthorn-blank")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(context.Background(), dir, maildir.New(dir), store.Options{})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	all := make(map[string][]byte)
	for _, n := range names {
		if n.IsDir() {
			continue // they are made again when there is something to put into them
		}
		if all[n.Name()], err = os.ReadFile(filepath.Join(dir, n.Name())); err != nil {
			return nil, err
		}
	}
	return all, nil
})
