package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// soft are the negative answers that a failing disk may be the reason of: all say
// that it is our fault and may pass.
var soft = regexp.MustCompile(`: (45[12] 4\.3\.[01] |454 4\.7\.0 |NO \[UNAVAILABLE\]|-ERR \[SYS/TEMP\])`)

// faults are what strace makes of system calls.
var faults = []struct{ what, calls, inject string }{
	{"no sync succeeds", "fsync,fdatasync", "error=EIO"},
	{"no room for the database", "pwrite64,ftruncate", "error=ENOSPC"},
	{"no name can be made", "linkat,renameat,renameat2,mkdirat", "error=EIO"},
	{"some syncs fail", "fsync,fdatasync", "error=EIO:when=4+7"},
	{"the database cannot be written", "pwrite64,ftruncate", "error=EIO:when=2+3"},
	{"no file can be made", "openat", "error=ENOSPC:when=3+2"},
	{"no name can be taken away", "unlinkat", "error=EIO"},
}

// A disk that fails: system calls of the running server fail for a while, by
// strace, under a load from all doors. What it answered is there, nothing else is,
// and it goes on by itself. write(2) is left alone, since Go's runtime uses it too. The
// first three are for every day, all of them for POSTHORN_KILLS.
func TestFaultsUnderLoad(t *testing.T) {
	needRoot(t)
	need(t, "strace")
	w := newLoaded(t, "")
	w.begin()
	w.goesOn("at first")
	all := faults
	if os.Getenv("POSTHORN_KILLS") == "" {
		all = all[:3]
	}
	for _, f := range all {
		before := w.load.Done()
		heal := w.inject(f.calls, f.inject)
		time.Sleep(500 * time.Millisecond)
		during := w.load.Done()
		heal()
		w.goesOn("after: " + f.what)
		refused := w.load.Refusals()
		w.Logf("%s: answered %v meanwhile, refused %v", f.what, grown(before, during), refused)
		w.judgeRefusals(f.what, refused)
	}
	w.stop()
	w.judge("after all faults")
	said := w.log()
	for _, want := range []string{"a write failed; every write is refused until the store has been reopened and checked", "the store was reopened and checked, and writes again"} {
		contains(t, said, want)
	}
}

// A disk that is full, by octets and by inodes.
func TestFullDiskUnderLoad(t *testing.T) {
	needRoot(t)
	need(t, "mkfs.ext4", "mount")
	for _, c := range []struct {
		what string
		mkfs []string
		fill func(w *loaded, dir string)
		told string // in the log
	}{
		{"octets", nil, (*loaded).fillOctets, `level=WARN msg="the store is in trouble; it tries again by itself" task="disk space" error="`},
		{"inodes", []string{"-N", "3000"}, (*loaded).fillInodes, "more files fit on the disk of "},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir := t.TempDir()
			smallDisk(t, filepath.Join(dir, "data"), 256<<20, c.mkfs...)
			ballast := filepath.Join(dir, "data", "lost+found", "ballast")
			w := newLoaded(t, dir)
			w.begin()
			w.goesOn("at first")
			if err := os.MkdirAll(ballast, 0o700); err != nil {
				t.Fatal(err)
			}
			before := w.load.Done()
			for range 10 { // what purge and mirror give back is taken again
				c.fill(w, ballast)
				time.Sleep(100 * time.Millisecond)
			}
			meanwhile := grown(before, w.load.Done())
			if err := os.RemoveAll(ballast); err != nil {
				t.Fatal(err)
			}
			w.goesOn("with space again")
			refused := w.load.Refusals()
			t.Logf("answered %v while it was full, refused %v", meanwhile, refused)
			w.judgeRefusals("full disk", refused)
			for _, door := range []string{"SMTP: 452 4.3.1", "LMTP: 452 4.3.1", "submission: 452 4.3.1", "IMAP APPEND: NO [UNAVAILABLE] The server's disk is full"} {
				if !slices.ContainsFunc(keys(refused), func(said string) bool { return strings.HasPrefix(said, door) }) {
					t.Errorf("nobody was told %q", door)
				}
			}
			if meanwhile["IMAP FETCH"] == 0 || meanwhile["PASS"] == 0 {
				t.Error("nothing could be read while the disk was full")
			}
			for said := range refused { // a login needs no room
				if strings.HasPrefix(said, "PASS: ") {
					t.Errorf("a maildrop was not opened: %s", said)
				}
			}
			w.stop()
			w.judge("after a full disk")
			contains(t, w.log(), c.told)
		})
	}
}

func keys(m map[string]int) (all []string) {
	for k := range m {
		all = append(all, k)
	}
	return all
}

// smallDisk mounts an ext4 of so many octets with a journal at dir.
func smallDisk(t *testing.T, dir string, size int64, mkfs ...string) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(image)
	if err == nil {
		err = f.Truncate(size)
		f.Close()
	}
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, "", "mkfs.ext4", append(append([]string{"-q", "-F"}, mkfs...), image)...)
	if out, err := program(t, "", "mount", "-o", "loop", image, dir); err != nil {
		leaveOut(t, "no small disk can be mounted here: %s", out)
	}
	t.Cleanup(func() { // after the server has stopped
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
}

// fillOctets takes room until there is none: without writing, of which a slow disk
// has enough to do.
func (w *loaded) fillOctets(dir string) {
	f, err := os.CreateTemp(dir, "")
	if err != nil {
		return // not even that
	}
	defer f.Close()
	end := int64(0)
	for size := int64(16 << 20); size >= 1<<10; {
		switch err := unix.Fallocate(int(f.Fd()), 0, end, size); err {
		case nil:
			end += size
		case unix.ENOSPC:
			size /= 4
		case unix.EINTR:
		default:
			w.Fatal(err)
		}
	}
}

// fillInodes makes files until no more can be made.
func (w *loaded) fillInodes(dir string) {
	for {
		f, err := os.CreateTemp(dir, "")
		if err != nil {
			return
		}
		f.Close()
	}
}

// inject makes system calls of the running server fail until heal.
func (w *loaded) inject(calls, how string) (heal func()) {
	w.Helper()
	c := exec.Command("strace", "-f", "-qq", "-e", "trace="+calls, "-e", "signal=none", "-e", "inject="+calls+":"+how, "-o", "/dev/null", "-p", fmt.Sprint(w.pr.Pid()))
	if err := c.Start(); err != nil {
		w.Fatal(err)
	}
	eventually(w.T, "strace is there", 10*time.Second, func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.pr.Pid()))
		return err == nil && !strings.Contains(string(status), "TracerPid:\t0\n")
	})
	return func() {
		c.Process.Signal(syscall.SIGINT) // it lets the server go
		c.Wait()
	}
}

// goesOn waits until each door has answered again.
func (w *loaded) goesOn(when string) {
	w.Helper()
	before, missing := w.load.Done(), []string(nil)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		more := grown(before, w.load.Done())
		missing = slices.DeleteFunc([]string{"SMTP", "LMTP", "submission", "IMAP APPEND", "IMAP STORE", "IMAP FETCH", "RETR", "QUIT"},
			func(door string) bool { return more[door] > 0 })
		if len(missing) == 0 {
			return
		}
	}
	w.Fatalf("%s: no good answer in 20 s: %v; refused: %v; problems: %v", when, missing, w.load.Refusals(), w.load.Problems())
}

func grown(before, after map[string]int) map[string]int {
	more := map[string]int{}
	for what, n := range after {
		if n > before[what] {
			more[what] = n - before[what]
		}
	}
	return more
}

func (w *loaded) judgeRefusals(when string, refused map[string]int) {
	w.Helper()
	for said, n := range refused {
		if !soft.MatchString(said) {
			w.Errorf("%s: refused %d times: %s", when, n, said)
		}
	}
}

// judge holds the server, which is idle, to all that it answered.
func (w *loaded) judge(when string) {
	w.Helper()
	if err := w.load.Verify(); err != nil {
		w.Fatalf("%s: %v", when, err)
	}
	if out, err := w.pr.Verb("", "check"); err != nil {
		w.Errorf("%s: check: %v\n%s", when, err, out)
	}
	w.judgeRelayed()
}

func (w *loaded) log() string {
	w.Helper()
	b, err := os.ReadFile(w.pr.LogFile())
	if err != nil {
		w.Fatal(err)
	}
	return string(b)
}
