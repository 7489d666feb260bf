package powercut

import (
	"fmt"
	"slices"
	"strings"
)

// kind says what an entry of the log is.
type kind uint8

const (
	makes     kind = iota + 1 // a file or folder, node, under name in dir
	links                     // node under name in dir
	unlinks                   // name in dir, a file or an empty folder
	renames                   // name in dir to toName in toDir
	writes                    // data at an offset
	truncates                 // to a size
	times                     // the time it was changed
	syncs                     // of a file or folder: what came before began is durable
	syncsAll                  // of the file system
	fails                     // a sync that failed
	failsAll                  // one of the file system
	says                      // a word of the test
	ignores                   // a sync that did nothing
)

var kindNames = [...]string{"", "make", "link", "unlink", "rename", "write", "truncate", "time", "sync", "syncfs", "failed sync", "failed syncfs", "say", "ignore sync of"}

// entry is one call, written down when it had happened.
type entry struct {
	kind   kind
	node   int // what it is about
	dir    int
	name   string
	toDir  int
	toName string
	at     int64 // offset, size, nanoseconds
	data   []byte
	began  int    // of syncs: how long the log was when it began
	word   string // of says
	open   []int  // of failsAll: the files that were open
	folder bool   // of makes
	path   string // for people
}

// named tells whether an entry changes names.
func (e *entry) named() bool { return e.kind >= makes && e.kind <= renames }

// touches tells whether an entry changes a node, or a name in it.
func (e *entry) touches(node int) bool {
	switch {
	case e.node == node:
		return e.kind <= times
	case e.named():
		return e.dir == node || e.kind == renames && e.toDir == node
	}
	return false
}

func (e *entry) String() string {
	switch e.kind {
	case says:
		return "say " + e.word
	case writes:
		return fmt.Sprintf("write %s [%d, %d)", e.path, e.at, e.at+int64(len(e.data)))
	case truncates:
		return fmt.Sprintf("truncate %s to %d", e.path, e.at)
	case renames:
		return fmt.Sprintf("rename %s to %s", e.path, e.toName)
	case syncs, fails, syncsAll, failsAll:
		return fmt.Sprintf("%s %s, begun after %d", kindNames[e.kind], e.path, e.began)
	}
	return kindNames[e.kind] + " " + e.path
}

// Log is what was recorded: where it began, and every call since.
type Log struct {
	base    map[int]*inode
	root    int
	entries []entry
}

// Len is how many entries there are: the power can be cut before each, and after
// the last.
func (l *Log) Len() int { return len(l.entries) }

// Lying is the log of a disk that answered the syncs of some files and folders,
// by their paths in the data folder ("*" for all of it), and did nothing: one on which a search must
// find faults.
func (l *Log) Lying(of func(path string) bool) *Log {
	lying := &Log{base: l.base, root: l.root, entries: slices.Clone(l.entries)}
	for i := range lying.entries {
		if e := &lying.entries[i]; (e.kind == syncs || e.kind == syncsAll) && of(e.path) {
			*e = entry{kind: ignores, path: e.path}
		}
	}
	return lying
}

// Ignored is how many syncs did nothing.
func (l *Log) Ignored() (n int) {
	for i := range l.entries {
		if l.entries[i].kind == ignores {
			n++
		}
	}
	return n
}

// Words calls fn with what was said before a cut, in order.
func (l *Log) Words(cut int, fn func(word string)) {
	for i := range l.entries[:cut] {
		if l.entries[i].kind == says {
			fn(l.entries[i].word)
		}
	}
}

// Written is what was written first into the file that has, or had, a name.
func (l *Log) Written(name string) []byte {
	number := 0
	for i := range l.entries {
		e := &l.entries[i]
		if e.named() && (e.name == name || e.kind == renames && e.toName == name) {
			number = e.node
			break
		}
	}
	for i := range l.entries {
		if e := &l.entries[i]; e.kind == writes && e.node == number {
			return e.data
		}
	}
	return nil
}

// Before describes the last n entries before a cut.
func (l *Log) Before(cut, n int) string {
	var b strings.Builder
	for i := max(0, cut-n); i < cut; i++ {
		fmt.Fprintf(&b, "%6d %s\n", i, &l.entries[i])
	}
	return b.String()
}

// Count counts the calls by what they are, for the report of a test.
func (l *Log) Count() string {
	var n [len(kindNames)]int
	for i := range l.entries {
		n[l.entries[i].kind]++
	}
	var all []string
	for k, name := range kindNames {
		if n[k] > 0 {
			all = append(all, fmt.Sprintf("%s %d", name, n[k]))
		}
	}
	return strings.Join(all, ", ")
}
