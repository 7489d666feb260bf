package maildir

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"posthorn/store"
)

const text = "Subject: x\r\n\r\nbody\r\n"

var inbox = store.Place{Dir: "a1"}

func stage(t *testing.T, b *Blobs) store.Staged {
	t.Helper()
	s, err := b.Stage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fileOf(s store.Staged, p store.Place) store.File {
	return store.File{Place: p, Key: s.Key(), Size: s.Size()}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keep stages, links, syncs and unstages one message.
func keep(t *testing.T, b *Blobs, p store.Place) store.File {
	t.Helper()
	s := stage(t, b)
	f := fileOf(s, p)
	ok(t, s.Link(f))
	ok(t, errors.Join(b.Sync([]store.Unsynced{{Staged: []store.Staged{s}, Files: []store.File{f}}})...))
	ok(t, s.Discard())
	return f
}

func read(t *testing.T, b *Blobs, f store.File) string {
	t.Helper()
	r, err := b.Open(t.Context(), f)
	ok(t, err)
	defer r.Close()
	got, err := io.ReadAll(r)
	ok(t, err)
	return string(got)
}

// faulty is a disk that asks before some of its calls.
type faulty struct {
	Disk
	sync  func(path string) error
	write func([]byte) (int, error)
	link  func(from, to string) error
}

func (d faulty) Create(path string) (File, error) {
	f, err := d.Disk.Create(path)
	if err != nil {
		return nil, err
	}
	return faultyFile{f, d}, nil
}

func (d faulty) Link(from, to string) error {
	if d.link != nil {
		return d.link(from, to)
	}
	return d.Disk.Link(from, to)
}

func (d faulty) SyncFolder(path string) error {
	if d.sync != nil {
		if err := d.sync(path); err != nil {
			return err
		}
	}
	return d.Disk.SyncFolder(path)
}

type faultyFile struct {
	File
	of faulty
}

func (f faultyFile) Write(p []byte) (int, error) {
	if f.of.write != nil {
		return f.of.write(p)
	}
	return f.File.Write(p)
}

func (f faultyFile) Sync() error {
	if f.of.sync != nil {
		if err := f.of.sync(f.Name()); err != nil {
			return err
		}
	}
	return f.File.Sync()
}

// S1: when Sync has answered, the content, the folder that names it, and every
// folder above that was made for it have been synced.
func TestSyncReachesEverythingNew(t *testing.T) {
	root := t.TempDir()
	b := New(root)
	var mu sync.Mutex
	synced := make(map[string]bool)
	b.disk = faulty{Disk: b.disk, sync: func(path string) error {
		mu.Lock()
		defer mu.Unlock()
		rel, _ := filepath.Rel(root, path)
		synced[rel] = true
		return nil
	}}
	f := keep(t, b, store.Place{Dir: "a1", Folder: ".Sent"})
	for _, want := range []string{
		filepath.Join("tmp", string(f.Key)), // the content
		"accounts/a1/Maildir/.Sent/cur",     // its name
		"accounts/a1/Maildir/.Sent", "accounts/a1/Maildir", "accounts/a1", "accounts", ".",
	} {
		if !synced[want] {
			t.Errorf("%s was not synced", want)
		}
	}
}

func TestFailedSyncGoesToThoseWhoNeededIt(t *testing.T) {
	disk, bad := errors.New("input/output error"), "none"
	b := NewOn(faulty{Disk: System{}, sync: func(path string) error {
		if strings.HasSuffix(path, bad) {
			return disk
		}
		return nil
	}}, t.TempDir())
	var batches []store.Unsynced
	for _, dir := range []string{"a1", "a2", "a1"} {
		s := stage(t, b)
		f := fileOf(s, store.Place{Dir: dir})
		ok(t, s.Link(f))
		batches = append(batches, store.Unsynced{Staged: []store.Staged{s}, Files: []store.File{f}})
	}
	for _, c := range []struct {
		name, bad string
		want      []bool
	}{
		{"nothing fails", "none", []bool{false, false, false}},
		{"a folder", filepath.Join("a1", "Maildir", "cur"), []bool{true, false, true}},
		{"one file", string(batches[1].Files[0].Key), []bool{false, true, false}},
	} {
		bad = c.bad
		for i, err := range b.Sync(batches) {
			if errors.Is(err, disk) != c.want[i] {
				t.Errorf("%s: batch %d: %v", c.name, i, err)
			}
		}
	}
}

func TestFullDiskIsErrNoSpace(t *testing.T) {
	b := NewOn(faulty{Disk: System{}, write: func([]byte) (int, error) { return 0, &fs.PathError{Op: "write", Err: unix.ENOSPC} }}, t.TempDir())
	if _, err := b.Stage(strings.NewReader(text)); !errors.Is(err, store.ErrNoSpace) {
		t.Errorf("stage: %v", err)
	}
	if left, _ := b.Staged(t.Context()); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestOneInodeForManyPlaces(t *testing.T) {
	b := New(t.TempDir())
	s := stage(t, b)
	var inodes []os.FileInfo
	for _, p := range []store.Place{inbox, {Dir: "a2"}, {Dir: "a1", Folder: ".Sent"}, {}} {
		f := fileOf(s, p)
		ok(t, s.Link(f))
		st, err := os.Stat(b.path(f, ""))
		ok(t, err)
		inodes = append(inodes, st)
	}
	for _, st := range inodes[1:] {
		if !os.SameFile(st, inodes[0]) {
			t.Error("a copy")
		}
	}
}

func TestCopyWhereLinksFail(t *testing.T) {
	b := NewOn(faulty{Disk: System{}, link: func(from, to string) error {
		return &os.LinkError{Op: "link", Old: from, New: to, Err: unix.EPERM}
	}}, t.TempDir())
	ok(t, b.make(inbox)) // a copy into a missing folder is a missing file
	f := keep(t, b, inbox)
	if got := read(t, b, f); got != text {
		t.Errorf("%q", got)
	}
}

func TestOpenFindsWhatWasRenamed(t *testing.T) {
	b := New(t.TempDir())
	f := keep(t, b, inbox)
	keep(t, b, inbox)
	for _, path := range []string{
		"cur/" + string(f.Key) + ",S=20,U=7:2,FS",
		"cur/" + string(f.Key) + ":2,S",
		"new/" + string(f.Key),
		".A.B/cur/" + string(f.Key) + ",S=20",
	} {
		ok(t, b.make(store.Place{Dir: "a1", Folder: ".A.B"}))
		old, err := b.search(t.Context(), f)
		ok(t, err)
		ok(t, os.Rename(old, filepath.Join(b.folder(inbox), path)))
		if got := read(t, b, f); got != text {
			t.Errorf("%s: %q", path, got)
		}
	}
	ok(t, b.Rename(t.Context(), f, store.Place{Dir: "a1", Folder: ".C"}, ",U=1:2,"))
	if _, err := os.Stat(filepath.Join(b.folder(inbox), ".C/cur", string(f.Key)+",S=20,U=1:2,")); err != nil {
		t.Error(err)
	}
	if got := read(t, b, f); got != text {
		t.Errorf("after Rename: %q", got)
	}
}

func TestDamageIsErrCorrupt(t *testing.T) {
	b := New(t.TempDir())
	f := keep(t, b, inbox)
	ok(t, os.WriteFile(b.path(f, ""), []byte("cut"), 0o600))
	if _, err := b.Open(t.Context(), f); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("cut: %v", err)
	}
	ok(t, b.Remove(t.Context(), f))
	if _, err := b.Open(t.Context(), f); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("missing: %v", err)
	}
	ok(t, b.Remove(t.Context(), f)) // again
}

// S8: what is removed is the one file that was named.
func TestUnstageRemovesOnlyItsOwn(t *testing.T) {
	b := New(t.TempDir())
	other := keep(t, b, inbox)
	lost, kept := stage(t, b), stage(t, b)
	for _, s := range []store.Staged{lost, kept} {
		ok(t, s.Link(fileOf(s, inbox)))
		ok(t, s.Link(fileOf(s, store.Place{})))
	}
	ok(t, b.Unstage(t.Context(), lost.Key(), true))
	ok(t, b.Unstage(t.Context(), kept.Key(), false))
	ok(t, b.Unstage(t.Context(), "1.never", true))
	names, err := list(t.Context(), b.files(inbox))
	ok(t, err)
	want := []string{name(other, ""), name(fileOf(kept, inbox), "")}
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("left %v, want %v", names, want)
	}
	if left, _ := b.Staged(t.Context()); len(left) > 0 {
		t.Errorf("staged: %v", left)
	}
}

func TestRestagedContentIsTheSame(t *testing.T) {
	b := New(t.TempDir())
	f := keep(t, b, inbox)
	s, err := b.Restage(t.Context(), f)
	ok(t, err)
	if s.Key() == f.Key || s.Size() != f.Size {
		t.Errorf("key %s of %s, size %d", s.Key(), f.Key, s.Size())
	}
	c := fileOf(s, store.Place{Dir: "a1", Folder: ".Sent"})
	ok(t, s.Link(c))
	ok(t, s.Discard())
	ok(t, s.Discard())
	ok(t, b.Remove(t.Context(), f))
	if got := read(t, b, c); got != text {
		t.Errorf("%q", got)
	}
}

func TestFoldersAndNotes(t *testing.T) {
	b := New(t.TempDir())
	a, c := store.Place{Dir: "a1", Folder: ".A"}, store.Place{Dir: "a1", Folder: ".C"}
	f := keep(t, b, a)
	ok(t, b.WriteNote(a, "posthorn-note", []byte("1")))
	ok(t, b.WriteNote(a, "posthorn-note", []byte("2")))
	ok(t, b.RenameFolder(a, c))
	if got, err := b.ReadNote(c, "posthorn-note"); err != nil || string(got) != "2" {
		t.Errorf("note %q, %v", got, err)
	}
	if got := read(t, b, f); got != text {
		t.Errorf("after RenameFolder: %q", got)
	}
	ok(t, b.RenameFolder(a, store.Place{Dir: "a1", Folder: ".D"})) // never made
	ok(t, b.WriteNote(a, "posthorn-note", nil))
	if err := b.RenameFolder(a, c); !errors.Is(err, store.ErrExists) {
		t.Errorf("onto another: %v", err)
	}
	if err := b.RemoveFolder(c); err == nil {
		t.Error("a folder with content was removed")
	}
	if got := read(t, b, f); got != text {
		t.Errorf("after RemoveFolder: %q", got)
	}
	ok(t, b.Remove(t.Context(), f))
	ok(t, b.RemoveFolder(c))
	if _, err := b.ReadNote(c, "posthorn-note"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("note of a removed folder: %v", err)
	}
}

func TestWalkReadsNames(t *testing.T) {
	b := New(t.TempDir())
	f := keep(t, b, inbox)
	spooled := keep(t, b, store.Place{})
	foreign := filepath.Join(b.folder(inbox), "new", "1.foreign:2,S")
	ok(t, os.WriteFile(foreign, []byte("abc"), 0o600))
	ok(t, b.Rename(t.Context(), f, inbox, ",U=3:2,F"))
	got := make(map[store.Key]store.Found)
	ok(t, b.Walk(t.Context(), func(p store.Place, files []store.Found) error {
		for _, f := range files {
			got[f.Key] = f
		}
		return nil
	}))
	for key, want := range map[store.Key]store.File{
		f.Key:       {Place: inbox, Key: f.Key, Size: f.Size, Info: ",U=3:2,F"},
		spooled.Key: spooled,
		"1.foreign": {Place: inbox, Key: "1.foreign", Size: 3, Info: ":2,S"},
	} {
		if got[key].File != want {
			t.Errorf("%s: %+v, want %+v", key, got[key].File, want)
		}
	}
	if len(got) != 3 {
		t.Errorf("%d files", len(got))
	}
}

// Two first messages of a mailbox make its folder at the same time.
func TestFolderIsMadeOnce(t *testing.T) {
	b := New(t.TempDir())
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() { keep(t, b, store.Place{Dir: "a1", Folder: ".New"}) })
	}
	wg.Wait()
	if names, _ := list(t.Context(), b.files(store.Place{Dir: "a1", Folder: ".New"})); len(names) != 16 {
		t.Errorf("%d files", len(names))
	}
}

// A folder that is removed while it is listed has nothing in it: purge takes
// those of deleted mailboxes away while check looks.
func TestListOfAFolderThatGoes(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	ended := make(chan struct{})
	all.Go(func() {
		defer close(ended)
		for range 2000 {
			ok(t, os.Mkdir(filepath.Join(dir, "cur"), 0o700))
			ok(t, os.Remove(filepath.Join(dir, "cur")))
		}
	})
	all.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
			}
			if names, err := list(t.Context(), filepath.Join(dir, "cur")); err != nil || len(names) > 0 {
				t.Errorf("%q, %v", names, err)
				return
			}
		}
	})
	all.Wait()
}

// What could not be written once is not on the disk, whatever the next sync says.
func TestFailedSyncIsNotTriedAgain(t *testing.T) {
	disk := errors.New("no space left on device")
	fails := true
	b := NewOn(faulty{Disk: System{}, sync: func(path string) error {
		if fails && filepath.Base(filepath.Dir(path)) == "tmp" {
			return disk
		}
		return nil
	}}, t.TempDir())
	s := stage(t, b)
	f := fileOf(s, inbox)
	ok(t, s.Link(f))
	all := []store.Unsynced{{Staged: []store.Staged{s}, Files: []store.File{f}}}
	for range 2 {
		if err := b.Sync(all)[0]; !errors.Is(err, disk) {
			t.Errorf("got %v", err)
		}
		fails = false
	}
	if err := s.Sync(); !errors.Is(err, disk) {
		t.Errorf("alone: got %v", err)
	}
}

// Content that is written behind its commit takes the place of what has its
// names, also where it has several.
func TestWriteTakesThePlaceOfWhatIsThere(t *testing.T) {
	b := New(t.TempDir())
	defer b.Close()
	k := b.NewKey()
	names := []store.File{
		{Place: inbox, Key: k, Size: 3, Info: ",U=1:2,"},
		{Place: store.Place{Dir: "a1", Folder: ".A"}, Key: k + "-2", Size: 3, Info: ",U=1:2,"},
		{Place: store.Place{Dir: "a2"}, Key: k, Size: 3, Info: ",U=7:2,S"},
	}
	for _, content := range []string{"old", "new"} {
		ok(t, b.Write(k, []byte(content), names))
		ok(t, b.SyncAll())
		var first os.FileInfo
		for _, f := range names {
			if got := read(t, b, f); got != content {
				t.Errorf("%q in %q, want %q", got, f.Place, content)
			}
			st, err := os.Stat(b.Path(f))
			ok(t, err)
			if first == nil {
				first = st
			} else if !os.SameFile(first, st) {
				t.Errorf("%s is a copy", b.Path(f))
			}
		}
	}
	found, err := b.Locate(t.Context(), "a1", func(o store.Key) bool { return o == k || o == k+"-2" })
	ok(t, err)
	if len(found) != 2 || found[k+"-2"].File != names[1] {
		t.Errorf("located %+v", found)
	}
	if left, _ := b.Staged(t.Context()); len(left) > 0 {
		t.Errorf("staged: %v", left)
	}
}
