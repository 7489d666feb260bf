package maildir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"posthorn/store"
)

// Whatever another program does to the names, a file that is there is found.
func TestHintsAreOnlyHints(t *testing.T) {
	b := New(t.TempDir())
	f, other := keep(t, b, inbox), keep(t, b, inbox)
	old := time.Now().Add(-time.Hour)
	cur := b.files(inbox)
	for i := range 10 {
		info := fmt.Sprintf(",U=%d:2,", i)
		path, err := b.search(t.Context(), f)
		ok(t, err)
		ok(t, os.Rename(path, filepath.Join(cur, name(f, info))))
		if i%2 == 0 {
			ok(t, os.Chtimes(cur, old, old.Add(time.Duration(i)*time.Second)))
		}
		if got := read(t, b, f); got != text {
			t.Fatalf("after rename %d: %q", i, got)
		}
	}
	ok(t, b.Remove(t.Context(), f))
	if _, err := b.Open(t.Context(), f); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("removed: %v", err)
	}
	read(t, b, other)
}

// A file whose name has other flags than its row is found without a listing of
// its folder, which may be large.
func TestOtherFlagsAreFoundWithoutListing(t *testing.T) {
	b := New(t.TempDir())
	for _, has := range []string{",U=7:2,", ",U=7:2,S", ",U=7:2,DFRST", ",U=7:2,FSab", ""} {
		f := keep(t, b, inbox)
		for _, should := range []string{",U=7:2,", ",U=7:2,T", ",U=7:2,RS"} {
			path, err := b.search(t.Context(), f)
			ok(t, err)
			keywords := ""
			if strings.HasSuffix(has, "ab") {
				keywords = "ab"
			}
			ok(t, os.Rename(path, filepath.Join(b.files(inbox), name(f, has))))
			b.hints.folders = nil
			f.Info = should + keywords
			if got := read(t, b, f); got != text {
				t.Errorf("%q for %q: %q", has, f.Info, got)
			}
			if b.hints.folders != nil {
				t.Errorf("%q for %q: the folder was listed", has, f.Info)
			}
		}
	}
	seen := map[string]bool{",U=7:2,FSab": true}
	for info := range otherFlags(",U=7:2,FSab") {
		if seen[info] {
			t.Errorf("%q comes twice, or is the same", info)
		}
		seen[info] = true
	}
	if len(seen) != 32 || !seen[",U=7:2,ab"] || !seen[",U=7:2,DFRSTab"] {
		t.Errorf("%d names: %v", len(seen), seen)
	}
}

// A thousand stale names cost a few listings, not a thousand.
func BenchmarkRenameStaleNames(b *testing.B) {
	blobs := New(b.TempDir())
	if err := blobs.make(inbox); err != nil {
		b.Fatal(err)
	}
	files := make([]store.File, 20_000)
	for i := range files {
		files[i] = store.File{Place: inbox, Key: newKey(), Size: 1}
		if err := os.WriteFile(blobs.path(files[i], ",U=1:2,"), []byte("x"), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	n := 0
	for b.Loop() {
		if err := blobs.Rename(b.Context(), files[n%len(files)], inbox, fmt.Sprintf(",U=1:2,%d", n)); err != nil {
			b.Fatal(err)
		}
		n++
	}
}

// What a newer listing took the place of is held by nothing, its timer neither: a
// folder of thousands may be listed a thousand times within hintsKept.
func TestListingsLeaveMemory(t *testing.T) {
	var h hints
	gone := make(chan struct{}, 100)
	for i := range 50 {
		l := &listing{names: map[store.Key]string{"k": "k"}}
		runtime.AddCleanup(l, func(int) { gone <- struct{}{} }, i)
		h.keep(fmt.Sprint("folder ", i%(maxListings+1)), l)
	}
	for end := time.Now().Add(hintsKept / 2); len(gone) < 50-maxListings; time.Sleep(time.Millisecond) {
		if runtime.GC(); time.Now().After(end) {
			t.Fatalf("%d of 50 listings are let go of", len(gone))
		}
	}
}

// A file that was moved in the index only is found where it was, and one with
// other flags is looked for once; no folder is listed for either.
func TestFilesAreFoundWhereTheyWereSeen(t *testing.T) {
	b := New(t.TempDir())
	f := keep(t, b, inbox)
	ok(t, b.Rename(t.Context(), f, inbox, ",U=7:2,S"))
	was, moved := f, f
	was.Info = ",U=7:2,S"
	moved.Place, moved.Info = store.Place{Dir: inbox.Dir, Folder: ".Archive"}, ",U=1:2,S"
	b.hints.folders = nil
	b.Expect(was)
	if got := read(t, b, moved); got != text || b.hints.folders != nil {
		t.Errorf("moved: %q, listed %v", got, b.hints.folders)
	}
	ok(t, b.Rename(t.Context(), moved, moved.Place, moved.Info))
	if got := read(t, b, moved); got != text || b.seen.get(moved) != "" || b.hints.folders != nil {
		t.Errorf("moved for good: %q, seen %q, listed %v", got, b.seen.get(moved), b.hints.folders)
	}
	flagged := moved
	flagged.Info = ",U=1:2,FS"
	if got := read(t, b, flagged); got != text || b.seen.get(moved) != b.Path(moved) {
		t.Errorf("with other flags: %q, seen %q", got, b.seen.get(moved))
	}
	// What was seen may be wrong.
	ok(t, os.Rename(b.Path(moved), filepath.Join(filepath.Dir(b.Path(moved)), string(f.Key)+",strange")))
	if got := read(t, b, flagged); got != text {
		t.Errorf("renamed by another program: %q", got)
	}
	ok(t, b.Remove(t.Context(), flagged))
	if _, err := b.Open(t.Context(), flagged); !errors.Is(err, store.ErrCorrupt) || b.seen.get(f) != "" {
		t.Errorf("removed: %v, seen %q", err, b.seen.get(f))
	}
}

// Of a folder with very many files a bounded part of the names is kept, and each
// file is found all the same.
func TestListingOfALargeFolderIsBounded(t *testing.T) {
	folder := t.TempDir()
	key := func(i int) store.Key { return store.Key(fmt.Sprintf("%06d", i)) }
	const n = maxNames + 4096
	for i := range n {
		ok(t, os.WriteFile(filepath.Join(folder, string(key(i))+",S=1:2,"), nil, 0o600))
	}
	old := time.Now().Add(-time.Hour)
	ok(t, os.Chtimes(folder, old, old))
	var h hints
	for _, i := range []int{0, n - 1, n / 2, 1, n - 2, 7, n/2 + 1} {
		if got, err := h.find(t.Context(), folder, key(i)); got != string(key(i))+",S=1:2," || err != nil {
			t.Errorf("file %d is found as %q, %v", i, got, err)
		}
		l := h.folders[folder]
		if len(l.names) != maxNames {
			t.Errorf("%d names are kept", len(l.names))
		}
		for _, other := range []int{0, n - 1, i} {
			if _, has := l.names[key(other)]; l.covers(key(other)) && !has {
				t.Errorf("looked for %d: %d is covered, and not there", i, other)
			}
		}
	}
	for _, k := range []store.Key{"", "000000x", "zz", key(n/2) + "-1"} {
		if got, err := h.find(t.Context(), folder, k); got != "" || err != nil {
			t.Errorf("%s, which is not there, is found as %q, %v", k, got, err)
		}
	}
	h.note(folder, "elsewhere", "x")
	if l := h.folders[folder]; len(l.names) > maxNames+1 {
		t.Errorf("%d names are kept", len(l.names))
	}
}

// What is remembered is bounded.
func TestSeenIsBounded(t *testing.T) {
	var s seen
	for i := range 3 * maxSeen {
		s.note(store.File{Key: store.Key(fmt.Sprint(i))}, "path")
		if len(s.paths) > maxSeen {
			t.Fatalf("%d paths", len(s.paths))
		}
	}
}

// A listing ends with the context of whoever asked for it.
func TestListingEndsWithItsContext(t *testing.T) {
	b := New(t.TempDir())
	inbox := store.Place{Dir: "a1"}
	ok(t, b.make(inbox))
	for i := range listStep + 1 { // more than is read at once
		ok(t, os.WriteFile(filepath.Join(b.files(inbox), fmt.Sprintf("1.M%d,S=1", i)), []byte("x"), 0o600))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	gone := store.File{Place: inbox, Key: "2.M1", Size: 1}
	for what, err := range map[string]error{
		"Rename": b.Rename(ctx, gone, inbox, ",U=1:2,"),
		"Remove": b.Remove(ctx, gone),
		"Walk":   b.Walk(ctx, func(store.Place, []store.Found) error { return nil }),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if names, err := list(t.Context(), b.files(inbox)); err != nil || len(names) != listStep+1 {
		t.Errorf("%d names, %v", len(names), err)
	}
}
