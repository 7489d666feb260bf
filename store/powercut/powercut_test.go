package powercut

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/internal/db/vfs"
	"posthorn/store/maildir"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// disk records what a test does to a folder.
type disk struct {
	*Recorder
	t *testing.T
}

func begin(t *testing.T) *disk {
	t.Helper()
	root := filepath.Join(t.TempDir(), "data")
	ok(t, os.MkdirAll(filepath.Join(root, "a"), 0o700))
	ok(t, os.MkdirAll(filepath.Join(root, "b"), 0o700))
	ok(t, os.WriteFile(filepath.Join(root, "a", "old"), []byte("old"), 0o600))
	r, err := Record(root, maildir.System{}, 0)
	ok(t, err)
	return &disk{r, t}
}

func (d *disk) path(name string) string { return filepath.Join(d.root, name) }

func (d *disk) create(name, text string) maildir.File {
	d.t.Helper()
	f, err := d.Create(d.path(name))
	ok(d.t, err)
	_, err = f.Write([]byte(text))
	ok(d.t, err)
	d.t.Cleanup(func() { f.Close() })
	return f
}

func (d *disk) link(from, to string)   { d.t.Helper(); ok(d.t, d.Link(d.path(from), d.path(to))) }
func (d *disk) rename(from, to string) { d.t.Helper(); ok(d.t, d.Rename(d.path(from), d.path(to))) }
func (d *disk) remove(name string)     { d.t.Helper(); ok(d.t, d.Remove(d.path(name))) }
func (d *disk) folder(name string)     { d.t.Helper(); ok(d.t, d.SyncFolder(d.path(name))) }

// outcomes are all folders that so many seeds give at the end of a log, each as
// the list of its files and what they hold.
func outcomes(t *testing.T, l *Log, m Model) (all []string) {
	t.Helper()
	seen := make(map[string]bool)
	r := NewReplay(l, m, 1)
	r.To(l.Len())
	for seed := range uint64(80) {
		if s := written(t, r, seed); !seen[s] {
			seen[s] = true
			all = append(all, s)
		}
	}
	slices.Sort(all)
	return all
}

// written is what one seed gives.
func written(t *testing.T, r *Replay, seed uint64) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	ok(t, r.Write(dir, seed))
	defer os.RemoveAll(dir)
	return listing(t, dir)
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	var files []string
	ok(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			var b []byte
			b, err = os.ReadFile(path)
			rel, _ := filepath.Rel(dir, path)
			files = append(files, fmt.Sprintf("%s=%.20s", rel, b))
		}
		return err
	}))
	return strings.Join(files, " ")
}

// What each model lets a power cut leave.
func TestWhatACutLeaves(t *testing.T) {
	const kept = "a/old=old"
	for _, c := range []struct {
		name             string
		do               func(d *disk)
		posix, journaled []string // nil: as posix
	}{
		{"nothing happened", func(*disk) {}, []string{kept}, nil},
		{"content and name synced", func(d *disk) {
			ok(d.t, d.create("a/new", "new").Sync())
			d.folder("a")
		}, []string{"a/new=new " + kept}, nil},
		{"content synced, its name not", func(d *disk) { ok(d.t, d.create("a/new", "new").Sync()) },
			[]string{"a/new=new " + kept, kept}, []string{"a/new=new " + kept}},
		{"another folder synced", func(d *disk) {
			ok(d.t, d.create("a/new", "new").Sync())
			d.folder("b")
		}, []string{"a/new=new " + kept, kept}, []string{"a/new=new " + kept}},
		{"unlinked, unsynced", func(d *disk) { d.remove("a/old") }, []string{"", kept}, nil},
		{"unlinked, synced", func(d *disk) { d.remove("a/old"); d.folder("a") }, []string{""}, nil},
		{"unlinked, another folder synced", func(d *disk) { d.remove("a/old"); d.folder("b") }, []string{"", kept}, nil},
		{"renamed, unsynced", func(d *disk) { d.rename("a/old", "b/new") }, []string{"a/old=old", "b/new=old"}, nil},
		{"renamed, synced where it went", func(d *disk) { d.rename("a/old", "b/new"); d.folder("b") }, []string{"b/new=old"}, nil},
		{"renamed, synced where it was", func(d *disk) { d.rename("a/old", "b/new"); d.folder("a") }, []string{"b/new=old"}, nil},
		{"two links", func(d *disk) { d.link("a/old", "b/1"); d.link("a/old", "b/2") },
			[]string{kept, kept + " b/1=old", kept + " b/1=old b/2=old", kept + " b/2=old"},
			[]string{kept, kept + " b/1=old", kept + " b/1=old b/2=old"}},
		{"what happened to one name stays in order", func(d *disk) { d.link("a/old", "b/1"); d.remove("b/1"); d.link("a/old", "b/1") },
			[]string{kept, kept + " b/1=old"}, nil},
		{"a synced change brings those before it of the same name", func(d *disk) { d.link("a/old", "b/1"); d.rename("b/1", "a/1"); d.folder("a") },
			[]string{"a/1=old " + kept}, nil},
		{"a folder that was not synced is not there with what is in it", func(d *disk) {
			ok(d.t, d.Mkdir(d.path("c")))
			ok(d.t, d.create("c/new", "new").Sync())
			d.folder("c")
		}, []string{kept, kept + " c/new=new"}, []string{kept + " c/new=new"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := begin(t)
			c.do(d)
			l := d.Stop()
			for m, want := range [][]string{c.posix, c.journaled} {
				if want == nil {
					want = c.posix
				}
				if got := outcomes(t, l, Model(m)); !slices.Equal(got, want) {
					t.Errorf("%s: %q, want %q", Model(m), got, want)
				}
			}
		})
	}
}

// Unsynced content may be cut, torn, zeros or rubbish under POSIX; with a journal
// it may be cut, but has no octet that was not written.
func TestUnsyncedContent(t *testing.T) {
	d := begin(t)
	f := d.create("a/new", strings.Repeat("x", 2000))
	_, err := f.Write([]byte(strings.Repeat("y", 2000)))
	ok(t, err)
	d.folder("a")
	l := d.Stop()
	for m := range Models {
		cut, foreign := 0, 0
		for _, s := range outcomes(t, l, Model(m)) {
			content := strings.TrimSuffix(strings.TrimPrefix(s, "a/new="), " a/old=old")
			if len(content) < 20 {
				cut++
			}
			if strings.Trim(content, "xy") != "" {
				foreign++
			}
		}
		if cut == 0 || (foreign > 0) != (Model(m) == Posix) {
			t.Errorf("%s: %d cut, %d with octets nobody wrote", Model(m), cut, foreign)
		}
	}
}

// A sync that failed makes nothing durable, and neither does one after it.
func TestFailedSyncIsNotMadeUpFor(t *testing.T) {
	d := begin(t)
	f := d.create("a/new", "new")
	d.folder("a")
	ok(t, d.sync(d.find(d.path("a/new")), d.path("a/new"), func() error { return nil }))
	_, err := f.Write([]byte("er"))
	ok(t, err)
	if err := d.sync(d.find(d.path("a/new")), d.path("a/new"), func() error { return os.ErrInvalid }); err == nil {
		t.Fatal("no error")
	}
	ok(t, f.Sync())
	l := d.Stop()
	seen := make(map[string]bool)
	for seed := range uint64(50) { // decides what the failed sync has left
		r := NewReplay(l, Posix, seed)
		r.To(l.Len())
		seen[written(t, r, 1)] = true
	}
	if !seen["a/new=newer a/old=old"] || !seen["a/new=new a/old=old"] {
		t.Errorf("%v", seen)
	}
}

// A database's writes can be torn between sectors and not within one, and a sync
// makes them durable.
func TestSectors(t *testing.T) {
	d := begin(t)
	path := d.path("a/old")
	f, err := d.Open(path, func() error { return nil })
	ok(t, err)
	write := func(at int64, text string) {
		ok(t, f.Write([]byte(text), at, func([]byte) error { return nil }))
	}
	write(0, strings.Repeat("1", 3*sector))
	ok(t, f.Sync(func() (bool, error) { return false, nil }))
	write(sector-10, strings.Repeat("2", 20))
	l := d.Stop()
	r := NewReplay(l, Posix, 1)
	r.To(l.Len())
	seen := make(map[string]bool)
	for seed := range uint64(60) {
		dir := filepath.Join(t.TempDir(), fmt.Sprint(seed))
		ok(t, r.Write(dir, seed))
		b, err := os.ReadFile(filepath.Join(dir, "a", "old"))
		ok(t, err)
		if len(b) != 3*sector || strings.Trim(string(b[:sector-10]), "1") != "" || strings.Trim(string(b[sector+10:]), "1") != "" {
			t.Fatalf("seed %d: what was synced is not there", seed)
		}
		seen[string(b[sector-10:sector+10])] = true
	}
	one, two := strings.Repeat("1", 10), strings.Repeat("2", 10)
	if len(seen) != 4 || !seen[one+one] || !seen[one+two] || !seen[two+one] || !seen[two+two] {
		t.Errorf("%v", seen)
	}
}

// The same seed leaves the same disk.
func TestSeedsAreReproducible(t *testing.T) {
	d := begin(t)
	for i := range 20 {
		d.create(fmt.Sprintf("a/%d", i), strings.Repeat("x", 100*i))
		d.link("a/old", fmt.Sprintf("b/%d", i))
	}
	l := d.Stop()
	for m := range Models {
		var first string
		for n := range 2 {
			r := NewReplay(l, Model(m), 7)
			r.To(l.Len() - 5)
			if s := written(t, r, 42); n == 0 {
				first = s
			} else if s != first {
				t.Errorf("%s: %q and %q", Model(m), first, s)
			}
		}
	}
}

// What was written long ago is there without a sync, as the kernel writes back.
func TestWrittenBack(t *testing.T) {
	d := begin(t)
	d.remove("a/old")
	for range WrittenBack + 1 {
		d.Say("")
	}
	l := d.Stop()
	for m := range Models {
		if got := outcomes(t, l, Model(m)); !slices.Equal(got, []string{""}) {
			t.Errorf("%s: %q", Model(m), got)
		}
	}
}

// Syncs take time, and calls that come meanwhile are not covered.
func TestSyncCoversWhatCameBefore(t *testing.T) {
	d := begin(t)
	d.latency = time.Millisecond
	d.link("a/old", "b/1")
	began := make(chan struct{})
	go func() {
		<-began
		d.link("a/old", "b/2")
		close(began)
	}()
	ok(t, d.sync(d.find(d.path("b")), d.path("b"), func() error {
		began <- struct{}{}
		<-began
		return nil
	}))
	l := d.Stop()
	if got, want := outcomes(t, l, Posix), []string{"a/old=old b/1=old", "a/old=old b/1=old b/2=old"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

var _ vfs.Layer = (*Recorder)(nil)
var _ maildir.Disk = (*Recorder)(nil)
