package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"posthorn/store"
	"posthorn/store/maildir"
	"posthorn/store/storetest"
)

// lists are the lists of what is expunged.
func (f *fixture) lists() []string {
	f.t.Helper()
	names, err := filepath.Glob(filepath.Join(f.dir, "expunged", "*"))
	ok(f.t, err)
	return names
}

// What is expunged touches no file's name, and does not come back with Reindex,
// neither what was mirrored before nor what was not. The list goes when purge has
// taken away all that stands in it, and not before.
func TestExpungedMessagesDoNotComeBack(t *testing.T) {
	f := setUp(t)
	all := make([]store.Incoming, 300) // more than a block
	for i := range all {
		all[i] = store.Incoming{Blob: f.put(hello), Account: f.a.ID}
	}
	_, err := f.Commit(t.Context(), store.Change{Append: all})
	ok(t, err)
	ok(t, f.Reflect(t.Context()))
	f.reopen()
	f.deliver(hello, 0)
	_, err = f.box("INBOX").Expunge(t.Context(), nil, true)
	ok(t, err)
	f.deliver(hello, 0)
	ok(t, f.Reflect(t.Context()))
	f.purge(time.Now())
	f.lose()
	if names := f.lists(); len(names) == 0 || len(f.files()) != 302 || !slices.Contains(f.files(), ". U=7:2,") {
		t.Errorf("lists %q, %d files", names, len(f.files()))
	}
	f.rebuild()
	if b, err := f.box("INBOX").Box(t.Context()); err != nil || b.Messages != 1 {
		t.Errorf("%d messages came back, %v", b.Messages, err)
	}
	f.text(f.box("INBOX"), 302)

	f.purge(later())
	if len(f.lists()) != 0 || len(f.files()) != 1 {
		t.Errorf("lists %q, %d files", f.lists(), len(f.files()))
	}
	storetest.Clean(t, f.Store)
}

// Names that files had before there were lists count as well.
func TestExpungedNamesOfBeforeDoNotComeBack(t *testing.T) {
	f := setUp(t)
	f.deliver(hello, 0)
	f.show(". U=1:2,")
	f.lose()
	names, err := filepath.Glob(filepath.Join(f.dir, "accounts", f.a.Dir, "Maildir", "cur", "*"))
	ok(t, err)
	ok(t, os.Rename(names[0], names[0][:len(names[0])-len(",U=1:2,")]+",X=1,U=1:2,"))
	f.rebuild()
	if b, err := f.box("INBOX").Box(t.Context()); err != nil || b.Messages != 0 {
		t.Errorf("%d messages came back, %v", b.Messages, err)
	}
}

// listless is a disk that takes no list.
type listless struct {
	store.Blobs
	err error
}

func (l *listless) NoteExpunged(files []store.File) error {
	if l.err != nil {
		return l.err
	}
	return l.Blobs.NoteExpunged(files)
}

// While a list cannot be written no mark moves past what should stand in it.
func TestMarksWaitForTheList(t *testing.T) {
	f := setUp(t)
	ok(t, f.Close())
	disk := &listless{Blobs: maildir.New(f.dir), err: errors.New("refused")}
	var err error
	f.Store, err = store.Open(t.Context(), f.dir, disk, store.Options{})
	ok(t, err)
	f.deliver(hello, 0)
	_, err = f.box("INBOX").Expunge(t.Context(), nil, true)
	ok(t, err)
	behind := func() (n int64) {
		t.Helper()
		n, err := f.Number(t.Context(), `SELECT count(*) FROM mailboxes WHERE name = 'INBOX' AND mirrored < modseq`)
		ok(t, err)
		return n
	}
	if err := f.Reflect(t.Context()); !errors.Is(err, disk.err) || behind() != 1 {
		t.Errorf("%v, %d behind", err, behind())
	}
	disk.err = nil
	ok(t, f.Reflect(t.Context()))
	if behind() != 0 || len(f.lists()) != 1 {
		t.Errorf("%d behind, lists %q", behind(), f.lists())
	}
	storetest.Clean(t, f.Store)
}
