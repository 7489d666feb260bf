package store_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"posthorn/mail"
	"posthorn/store"
	"posthorn/store/maildir"
)

// verbDir and verbNumber make the test binary the process that is killed at one
// verb of durability; crash_test.go kills at any moment.
const (
	verbDir    = "POSTHORN_VERB_DIR"
	verbNumber = "POSTHORN_VERB_NUMBER"
)

func init() {
	if dir := os.Getenv(verbDir); dir != "" {
		n, _ := strconv.ParseInt(os.Getenv(verbNumber), 10, 64)
		fmt.Fprintln(os.Stderr, deliverUntilKilled(dir, n))
		os.Exit(1)
	}
}

// killer counts the verbs of durability and kills the process at one of them.
type killer struct {
	store.Blobs
	left atomic.Int64
}

func (k *killer) verb() {
	if k.left.Add(-1) == 0 {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func (k *killer) Stage(r io.Reader) (store.Staged, error) {
	s, err := k.Blobs.Stage(r)
	k.verb()
	return killed{s, k}, err
}

func (k *killer) Restage(ctx context.Context, f store.File) (store.Staged, error) {
	s, err := k.Blobs.Restage(ctx, f)
	k.verb()
	return killed{s, k}, err
}

func (k *killer) Sync(batches []store.Unsynced) []error {
	plain := make([]store.Unsynced, len(batches))
	for i, u := range batches {
		plain[i].Files = u.Files
		for _, s := range u.Staged {
			plain[i].Staged = append(plain[i].Staged, s.(killed).Staged)
		}
	}
	return k.Blobs.Sync(plain)
}

func (k *killer) Write(key store.Key, content []byte, names []store.File) error {
	k.verb()
	err := k.Blobs.Write(key, content, names)
	k.verb()
	return err
}

func (k *killer) SyncAll() error {
	k.verb()
	err := k.Blobs.SyncAll()
	k.verb()
	return err
}

type killed struct {
	store.Staged
	k *killer
}

func (s killed) Link(f store.File) error {
	err := s.Staged.Link(f)
	s.k.verb()
	return err
}

func (s killed) Discard() error {
	s.k.verb()
	return s.Staged.Discard()
}

// deliverUntilKilled delivers, copies, moves and expunges, and says what it was
// told has happened.
func deliverUntilKilled(dir string, verb int64) error {
	store.Hurry()
	k := &killer{Blobs: maildir.New(dir)}
	k.left.Store(1 << 60)
	store.SetFailurePoint(func(string) error { k.verb(); return nil })
	ctx := context.Background()
	st, err := store.Open(ctx, dir, k, store.Options{})
	if err != nil {
		return err
	}
	alice, err := st.AccountByLogin(ctx, "alice@example.test")
	if err != nil {
		return err
	}
	bob, err := st.AccountByLogin(ctx, "bob@example.test")
	if err != nil {
		return err
	}
	k.left.Store(verb)
	var wg sync.WaitGroup
	errs := make(chan error, 4)
	for range cap(errs) {
		wg.Go(func() { errs <- deliverOn(ctx, st, alice.ID, bob.ID) })
	}
	wg.Wait()
	return <-errs
}

func deliverOn(ctx context.Context, st *store.Store, alice, bob store.AccountID) error {
	for n := 0; ; n++ {
		id := mail.NewID()
		more := strings.Repeat("more\r\n", n%2*store.InlineLimit/6) // every second is large
		b, err := st.Put(ctx, &mail.Mail{Content: mail.Bytes("Message-ID: <" + id + "@example.test>\r\n\r\n" + more + id)})
		if err != nil {
			return err
		}
		r, err := st.Commit(ctx, store.Change{Append: []store.Incoming{
			{Blob: b, Account: alice}, {Blob: b, Account: bob}, {Blob: b, Account: bob, Role: store.RoleArchive},
		}})
		if err != nil {
			return err
		}
		os.Stdout.WriteString(id + "\n")
		if err := shuffle(ctx, st, bob, r.Appended[2].UID); err != nil {
			return err
		}
	}
}

// shuffle copies a message of the Archive to the Trash, moves it there too, and
// expunges one of the two.
func shuffle(ctx context.Context, st *store.Store, a store.AccountID, uid store.UID) error {
	archive, err := st.Mailbox(ctx, a, "Archive")
	if err != nil {
		return err
	}
	trash, err := st.Mailbox(ctx, a, "Trash")
	if err != nil {
		return err
	}
	b, err := trash.Box(ctx)
	if err != nil {
		return err
	}
	c, err := archive.Copy(ctx, []store.UID{uid}, b.ID, store.AllFlags)
	if err != nil {
		return err
	}
	if _, err := archive.Move(ctx, []store.UID{uid}, b.ID, store.AllFlags); err != nil {
		return err
	}
	_, err = trash.Expunge(ctx, c.To, true)
	return err
}

// S1, S2, S3: killed at any verb of durability, every message that was answered
// for is there once for each recipient, its content can be read, and nothing
// else is left.
func TestKilledAtAnyVerb(t *testing.T) {
	exe, err := os.Executable()
	ok(t, err)
	verbs := 50
	if testing.Short() {
		verbs = 12
	}
	for verb := 1; verb <= verbs; verb++ {
		f := setUp(t)
		accounts := []store.Account{f.a, f.account("bob", store.Quota{})}
		ok(t, f.Close())
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), verbDir+"="+f.dir, verbNumber+"="+strconv.Itoa(verb))
		out, err := cmd.Output()
		if s, isStatus := cmd.ProcessState.Sys().(syscall.WaitStatus); !isStatus || s.Signal() != syscall.SIGKILL {
			t.Fatalf("verb %d: not killed: %v", verb, err)
		}
		f.open()
		f.clean(t)
		for _, f.a = range accounts {
			there := f.lastLines("INBOX")
			for _, id := range strings.Fields(string(out)) {
				if there[id] != 1 {
					t.Errorf("verb %d: message %s is there %d times", verb, id, there[id])
				}
			}
		}
		ok(t, f.Close())
	}
}

// lastLines counts the messages of a mailbox by their last line.
func (f *fixture) lastLines(name string) map[string]int {
	f.t.Helper()
	m := f.box(name)
	var uids []store.UID
	_, err := m.Rows(f.t.Context(), func(rows []store.Row) {
		for _, r := range rows {
			uids = append(uids, r.UID)
		}
	})
	ok(f.t, err)
	all := make(map[string]int)
	for _, uid := range uids {
		var last string
		for sc := bufio.NewScanner(strings.NewReader(f.text(m, uid))); sc.Scan(); {
			last = sc.Text()
		}
		all[last]++
	}
	return all
}

// Content that had been given its names when the process was killed, and has no
// row, goes with all of them.
func TestNamesOfLostContentGo(t *testing.T) {
	f := setUp(t)
	ok(t, f.Close())
	b := maildir.New(f.dir)
	st, err := b.Stage(strings.NewReader(hello))
	ok(t, err)
	ok(t, st.Link(store.File{Place: store.Place{Dir: f.a.Dir}, Key: st.Key(), Size: st.Size()}))
	ok(t, st.Link(store.File{Place: store.Place{Dir: f.a.Dir, Folder: ".Archive"}, Key: st.Key() + "-2", Size: st.Size()}))
	f.open()
	f.clean(t)
	for _, pattern := range []string{"cur/*", ".Archive/cur/*"} {
		left, err := filepath.Glob(filepath.Join(f.dir, "accounts", f.a.Dir, "Maildir", pattern))
		ok(t, err)
		if len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
}
