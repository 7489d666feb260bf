// Package floors holds the map of which package may import which, and the test
// that keeps imports going down. A folder that is not on the map fails: a new
// room is put on a floor first.
package floors

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "posthorn"

// floors: imports go strictly down, never sideways. A folder below one of
// these belongs to its room, unless it stands here itself.
var floors = map[string]int{
	"bench": 7, "interop": 6, // run the program as others do, and measure it

	"cmd/posthorn": 5, // wiring

	"smtpd": 4, "imapd": 4, "pop3d": 4, // talk with clients

	"queue": 3, "relay": 3, "mda": 3, "check": 3, "auth": 3, // decide and carry
	"store/maildir": 3, "store/storetest": 3,
	"store/powercut": 4, "store/faults": 4, "store/blank": 4, // disks that forget and fail, and empty stores, for tests

	"store": 2, // remembers

	"mail": 1, "message": 1, // words, pure functions

	"internal/serve": 0, "internal/db": 0, "internal/lexicon": 0, "internal/inflate": 0, "internal/dns": 0, "internal/script": 0, // tools without mail in them
}

// here is on no floor: it imports nothing of ours.
const here = "internal/floors"

// room is the folder of floors that dir belongs to.
func room(dir string) (string, bool) {
	for d := dir; d != "."; d = filepath.ToSlash(filepath.Dir(d)) {
		if _, ok := floors[d]; ok {
			return d, true
		}
	}
	return "", false
}

// allowed tells whether a file in folder from may import folder to. A test may
// also import its own floor, and the store on disk wherever it stands.
func allowed(from, to string, test bool) bool {
	a, okA := room(from)
	b, okB := room(to)
	if !okA || !okB {
		return false
	}
	return a == b || floors[b] < floors[a] ||
		test && (floors[b] == floors[a] || strings.HasPrefix(b, "store/"))
}

func TestImportsGoDown(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != root) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		if dir == here {
			return nil
		}
		r, ok := room(dir)
		if !ok {
			t.Errorf("%s is on no floor", rel)
		}
		seen[r] = true
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			to, ours := strings.CutPrefix(name, module+"/")
			if ours && !allowed(dir, to, strings.HasSuffix(rel, "_test.go")) {
				t.Errorf("%s may not import %s", rel, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for r := range floors {
		if !seen[r] {
			t.Errorf("the map has %s, the tree has not", r)
		}
	}
}

// The test above must be able to fail.
func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		from, to string
		test     bool
		want     bool
	}{
		{"cmd/posthorn", "smtpd", false, true},
		{"bench", "interop/peer", false, true},
		{"interop", "internal/dns/dnstest", false, true},
		{"cmd/posthorn", "interop/peer", true, false}, // the program does not know who tries it
		{"queue", "store", false, true},
		{"smtpd", "smtpd/front", false, true},
		{"imapd", "mail", false, true},
		{"imapd", "smtpd", false, false},         // sideways
		{"queue", "mda", false, false},           // sideways
		{"store", "store/maildir", false, false}, // up
		{"store/maildir", "store", false, true},
		{"mail", "message", false, false},
		{"message", "mail", false, false},
		{"store", "queue", false, false},
		{"internal/db", "internal/serve", false, false},
		{"store", "util", false, false}, // on no floor
		{"store", "store/maildir", true, true},
		{"queue", "mda", true, true},
		{"store", "queue", true, false},
	} {
		if got := allowed(c.from, c.to, c.test); got != c.want {
			t.Errorf("%s -> %s (test %v): %v", c.from, c.to, c.test, got)
		}
	}
}
