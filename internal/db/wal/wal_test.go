package wal

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// opened is a log, through the VFS.
type opened struct {
	t   *testing.T
	tls *libc.TLS
	f   uintptr
}

func (o *opened) do(what string, rc int32) {
	o.t.Helper()
	if rc != lib.SQLITE_OK {
		o.t.Fatalf("%s: result code %d", what, rc)
	}
}

func openLog(t *testing.T, path string) *opened {
	t.Helper()
	if err := Register(); err != nil {
		t.Fatal(err)
	}
	tls := libc.NewTLS()
	t.Cleanup(tls.Close)
	vfs := lib.Xsqlite3_vfs_find(tls, cString(t, Name))
	if vfs == 0 {
		t.Fatal("the VFS is not registered")
	}
	v := at[lib.Tsqlite3_vfs](vfs)
	o := &opened{t, tls, libc.Xcalloc(tls, 1, libc.Tsize_t(v.FszOsFile))}
	o.do("open", call[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](v.FxOpen)(tls, vfs, cString(t, path), o.f,
		lib.SQLITE_OPEN_READWRITE|lib.SQLITE_OPEN_CREATE|lib.SQLITE_OPEN_WAL, 0))
	t.Cleanup(func() { o.do("close", closeLog(tls, o.f)) })
	return o
}

func cString(t *testing.T, s string) uintptr {
	t.Helper()
	p, err := libc.CString(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// Whatever SQLite writes, in whatever order it reads, cuts and asks, it meets the
// file that it would meet without the gathering, and zeros behind it; and after a
// sync the disk has it.
func TestGatheredWritesAreTheFile(t *testing.T) {
	for seed := range uint64(8) {
		dir := t.TempDir()
		path := filepath.Join(dir, "x.db-wal")
		if err := os.WriteFile(filepath.Join(dir, "x.db"), nil, 0o600); err != nil { // whose rights the log takes
			t.Fatal(err)
		}
		o, r, want := openLog(t, path), rand.New(rand.NewPCG(seed, 1)), []byte{}
		for range 150 {
			switch r.IntN(20) {
			case 0:
				o.do("sync", syncLog(o.tls, o.f, lib.SQLITE_SYNC_NORMAL))
				if got, err := os.ReadFile(path); err != nil || !isAhead(got, want) {
					t.Fatalf("seed %d: the file has %d octets that differ from the %d written (%v)", seed, len(got), len(want), err)
				}
			case 1:
				o.checkSize(int64(len(want)))
			case 2:
				o.checkRead(r, want)
			case 3:
				if cut := r.IntN(len(want) + 1); r.IntN(5) == 0 {
					o.do("truncate", truncate(o.tls, o.f, int64(cut)))
					want = want[:cut]
				}
			default:
				want = o.writeSome(r, want)
			}
		}
	}
}

// isAhead tells whether a file has what was written, and no more than zeros behind
// it, step of them at most.
func isAhead(got, want []byte) bool {
	ahead, is := bytes.CutPrefix(got, want)
	return is && len(ahead) <= step && len(bytes.Trim(ahead, "\x00")) == 0
}

// writeSome writes behind what there is, or from somewhere before its end.
func (o *opened) writeSome(r *rand.Rand, want []byte) []byte {
	from := len(want)
	if r.IntN(8) == 0 {
		from = r.IntN(len(want) + 1)
	}
	p := make([]byte, []int{24, 32, 4096, 4096, most, most + 1}[r.IntN(6)])
	rand.NewChaCha8([32]byte{byte(r.Uint32()), byte(r.Uint32())}).Read(p)
	o.do("write", write(o.tls, o.f, address(p), int32(len(p)), int64(from)))
	if more := from + len(p) - len(want); more > 0 {
		want = append(want, make([]byte, more)...)
	}
	copy(want[from:], p)
	return want
}

func (o *opened) checkSize(want int64) {
	o.t.Helper()
	var got int64
	o.do("size", size(o.tls, o.f, uintptr(unsafe.Pointer(&got))))
	if got < want || got > want+step {
		o.t.Fatalf("size %d, want %d and up to %d more", got, want, step)
	}
}

func (o *opened) checkRead(r *rand.Rand, want []byte) {
	o.t.Helper()
	if len(want) == 0 {
		return
	}
	from := r.IntN(len(want))
	got := make([]byte, 1+r.IntN(len(want)-from))
	o.do("read", read(o.tls, o.f, address(got), int32(len(got)), int64(from)))
	if !bytes.Equal(got, want[from:from+len(got)]) {
		o.t.Fatalf("read %d octets at %d that are not what was written", len(got), from)
	}
}

// A log grows ahead of what is written, so that most writes make it no larger; one
// that was cut short begins to grow anew.
func TestGrowsAhead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db-wal")
	if err := os.WriteFile(filepath.Join(dir, "x.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o, page := openLog(t, path), bytes.Repeat([]byte{1}, most)
	fill := func(pages int) (grown int) {
		var before int64
		for i := range pages {
			o.do("write", write(o.tls, o.f, address(page), most, int64(i)*most))
			o.do("sync", syncLog(o.tls, o.f, lib.SQLITE_SYNC_NORMAL))
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Size() != before {
				grown++
			}
			before = info.Size()
		}
		return grown
	}
	const pages = 4 * step / most
	if n := fill(pages); n < 4 || n > 10 {
		t.Errorf("%d writes made it larger %d times", pages, n)
	}
	if n := fill(pages); n != 1 { // the first is the size it had
		t.Errorf("%d writes over what was there made it larger %d times", pages, n-1)
	}
	o.do("truncate", truncate(o.tls, o.f, 0))
	if n := fill(pages); n < 4 || n > 10 {
		t.Errorf("%d writes after it was cut made it larger %d times", pages, n)
	}
}

// A commit that is not small leaves the log as large as it is, and the next small
// one makes it larger.
func TestLargeCommitsDoNotGrowAhead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.db-wal")
	if err := os.WriteFile(filepath.Join(dir, "x.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o, page, end := openLog(t, path), bytes.Repeat([]byte{1}, most), int64(0)
	for _, c := range []struct{ pages, ahead int64 }{{step/small/most + 1, 0}, {16, 0}, {1, step}, {16, 0}} {
		for range c.pages {
			o.do("write", write(o.tls, o.f, address(page), most, end))
			end += most
		}
		o.do("sync", syncLog(o.tls, o.f, lib.SQLITE_SYNC_NORMAL))
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if ahead := info.Size() - end; ahead != c.ahead {
			t.Errorf("a commit of %d octets that ends at %d left %d ahead, want %d", c.pages*most, end, ahead, c.ahead)
		}
		end = info.Size()
	}
}

// A sync that fails says so, and so does a write that was put off.
func TestFailuresAreTold(t *testing.T) {
	o := openLog(t, "/dev/full") // takes no octet
	page := make([]byte, 4096)
	for i := range 3 {
		o.do("write", write(o.tls, o.f, address(page), 4096, int64(i)*4096))
	}
	if rc := syncLog(o.tls, o.f, lib.SQLITE_SYNC_NORMAL); rc != lib.SQLITE_FULL {
		t.Errorf("a sync with a full disk: result code %d, want SQLITE_FULL", rc)
	}
	if rc, can := syncData(o.f + behind); can && rc != lib.SQLITE_IOERR_FSYNC { // of a device
		t.Errorf("a failed fdatasync: result code %d", rc)
	}
}
