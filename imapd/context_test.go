package imapd

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// watcher is a client that keeps the results of its contexts only by what it is
// told (RFC 5267 §4.3).
type watcher struct {
	*client
	results map[string][]uint32 // by tag
	numbers map[string]bool     // results that are message numbers
}

var (
	esearchLine = regexp.MustCompile(`^\* ESEARCH \(TAG "(\w+)"\)( UID)?(.*)$`)
	updateItem  = regexp.MustCompile(` (ALL|ADDTO|REMOVEFROM) (\([^)]*\)|\S+)`)
)

// run runs a command and takes in all that is told.
func (w *watcher) run(tag, format string, args ...any) {
	w.send(tag + " " + fmt.Sprintf(format, args...))
	for {
		l := w.line()
		switch m := esearchLine.FindStringSubmatch(l); {
		case m != nil:
			w.take(l, m[1], m[3])
		case strings.HasSuffix(l, " EXPUNGE"):
			n, _ := strconv.Atoi(strings.Fields(l)[1])
			w.expunge(uint32(n))
		case strings.HasPrefix(l, tag+" OK "):
			return
		case strings.HasPrefix(l, tag+" "):
			w.fail("%s", l)
		}
	}
}

func (w *watcher) take(line, tag, items string) {
	w.results[tag] = slices.Clone(w.results[tag])
	for _, item := range updateItem.FindAllStringSubmatch(items, -1) {
		if item[1] == "ALL" {
			w.results[tag] = numbersOf(item[2])
			continue
		}
		pairs := strings.Fields(strings.Trim(item[2], "()"))
		for i := 0; i < len(pairs); i += 2 {
			at, _ := strconv.Atoi(pairs[i])
			w.change(line, tag, item[1] == "ADDTO", at, numbersOf(pairs[i+1]))
		}
	}
}

// change makes one change: at a position what is removed must be just what
// stands there.
func (w *watcher) change(line, tag string, add bool, at int, ids []uint32) {
	r := w.results[tag]
	switch {
	case add && at == 0:
		r = append(r, ids...)
		slices.Sort(r)
		if len(slices.Compact(slices.Clone(r))) != len(r) {
			w.fail("%s adds what is there", line)
		}
	case add:
		if at-1 > len(r) {
			w.fail("%s, but the result has %d", line, len(r))
		}
		r = slices.Insert(r, at-1, ids...)
	case at == 0:
		before := len(r)
		r = slices.DeleteFunc(r, func(id uint32) bool { return slices.Contains(ids, id) })
		if before-len(r) != len(ids) {
			w.fail("%s removes what is not there", line)
		}
	default:
		if at-1+len(ids) > len(r) || !slices.Equal(r[at-1:at-1+len(ids)], ids) {
			w.fail("%s, but the result is %v", line, r)
		}
		r = slices.Delete(r, at-1, at-1+len(ids))
	}
	w.results[tag] = r
}

// expunge moves message numbers; none may be in a result that is gone.
func (w *watcher) expunge(n uint32) {
	for tag, isNumbers := range w.numbers {
		if !isNumbers {
			continue
		}
		for i, id := range w.results[tag] {
			if id == n {
				w.fail("%d was expunged and is in the result of %s", n, tag)
			}
			if id > n {
				w.results[tag][i]--
			}
		}
	}
}

// numbersOf reads a set in its order.
func numbersOf(set string) (out []uint32) {
	for _, r := range strings.Split(set, ",") {
		a, b, ok := strings.Cut(r, ":")
		if !ok {
			b = a
		}
		from, _ := strconv.Atoi(a)
		to, _ := strconv.Atoi(b)
		for n := from; n <= to; n++ {
			out = append(out, uint32(n))
		}
	}
	return out
}

// TestContextsFollow: while several clients act on a mailbox, the results that
// one keeps by what it is told are at each moment what asking anew finds.
func TestContextsFollow(t *testing.T) {
	programs := []string{
		"UID SEARCH RETURN (%s) UNSEEN", "SEARCH RETURN (%s) OR FLAGGED SUBJECT b", "UID SORT RETURN (%s) (SUBJECT) UTF-8 UNDELETED",
		"SORT RETURN (%s) (REVERSE SUBJECT REVERSE ARRIVAL) UTF-8 UNSEEN", "UID SEARCH RETURN (%s) KEYWORD New NOT BODY b", "UID SORT RETURN (%s) (SIZE) UTF-8 NOT KEYWORD New",
	}
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 7))
			world := newWorld(t, tweaks{})
			for range 12 {
				world.deliver("alice", "INBOX", letterText(r))
			}
			w := &watcher{newClient(t, world, "watcher", "alice"), map[string][]uint32{}, map[string]bool{}}
			w.do("SELECT INBOX")
			other := newClient(t, world, "other", "alice")
			other.do("SELECT INBOX")
			for i, p := range programs {
				tag := fmt.Sprint("ctx", i)
				w.numbers[tag] = !strings.HasPrefix(p, "UID")
				w.run(tag, p, "ALL UPDATE")
			}
			for step := range 40 {
				disturb(r, world, w, other)
				w.run(fmt.Sprint("n", step), "NOOP")
				for i, p := range programs {
					tag := fmt.Sprint("ask", step, "x", i)
					w.run(tag, p, "ALL")
					if got, want := w.results[fmt.Sprint("ctx", i)], w.results[tag]; !slices.Equal(got, want) {
						w.fail("%s: told of %v, asking finds %v", p, got, want)
					}
				}
			}
		})
	}
}

func letterText(r *rand.Rand) []byte {
	return fmt.Appendf(nil, "Subject: %s\r\n\r\n%s\r\n", []string{"a", "b", "c", "Re: b"}[r.IntN(4)], strings.Repeat("b", r.IntN(3)))
}

// disturb changes something, by the one client or the other.
func disturb(r *rand.Rand, world *world, w *watcher, other *client) {
	from := 1 + r.IntN(8)
	set := fmt.Sprintf("%d:%d", from, from+r.IntN(6))
	flag := []string{`\Seen`, `\Flagged`, `\Deleted`, "New"}[r.IntN(4)]
	op := []string{"+", "-"}[r.IntN(2)]
	switch r.IntN(8) {
	case 0:
		world.deliver("alice", "INBOX", letterText(r))
	case 1:
		other.do("UID STORE %s +FLAGS.SILENT (\\Deleted)", set)
		other.do("EXPUNGE")
		for range 4 {
			world.deliver("alice", "INBOX", letterText(r))
		}
	case 2:
		w.run("own", "UID STORE %s %sFLAGS (%s)", set, op, flag)
	case 3:
		w.run("own", "UID STORE %s %sFLAGS.SILENT (%s)", set, op, flag)
	case 4:
		w.run("own", "EXPUNGE")
	default:
		other.do("UID STORE 1:* %sFLAGS.SILENT (%s)", op, flag)
	}
}
