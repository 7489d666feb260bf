package imapd

import (
	"bufio"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// cacher is a client that keeps what it was told over its connections, and asks
// after each for what has changed since, as far as its extensions let it. It
// counts its HIGHESTMODSEQ as RFC 7162 §6 says.
type cacher struct {
	*client
	w       *world
	qresync bool
	uidOnly bool // without qresync it learns everything anew each time

	cache    map[uint32]cached // by UID
	order    []uint32          // UIDs by message number, where numbers are told with EXPUNGE; 0: not known yet
	exists   int
	validity string
	highest  int64
	last     uint32 // greatest UID it ever asked for

	told  int64 // greatest MODSEQ since the last tagged response
	given int64 // HIGHESTMODSEQ since then; 0: none
}

type cached struct {
	flags  string
	modseq int64
}

func newCacher(t testing.TB, w *world, name string, qresync, uidOnly bool) *cacher {
	k := &cacher{client: &client{t: t, name: name}, w: w, qresync: qresync, uidOnly: uidOnly, cache: map[uint32]cached{}}
	k.connect()
	return k
}

// connect logs in and brings the cache up to date.
func (k *cacher) connect() {
	if k.c != nil {
		k.c.Close()
		k.log = append(k.log, "-- hung up, highest "+strconv.FormatInt(k.highest, 10))
	}
	k.c = k.w.dial("")
	k.r = bufio.NewReader(k.c)
	k.line()
	k.run("LOGIN alice secret")
	enable := "ENABLE CONDSTORE"
	if k.qresync {
		enable += " QRESYNC"
	}
	if k.uidOnly {
		enable += " UIDONLY"
	}
	k.run("%s", enable)
	k.open()
}

func (k *cacher) open() {
	k.order, k.exists = nil, 0
	since := k.highest
	switch {
	case k.validity == "":
		k.run("SELECT INBOX")
		k.run("UID FETCH 1:* (UID FLAGS)")
	case k.qresync:
		k.run("SELECT INBOX (QRESYNC (%s %d))", k.validity, since)
	default:
		k.run("SELECT INBOX (CONDSTORE)")
		k.run("UID SEARCH ALL")
		k.run("UID FETCH 1:* (FLAGS UID) (CHANGEDSINCE %d)", since)
	}
	k.learn()
}

// survivors takes the answer to UID SEARCH ALL, without QRESYNC: what is not
// among it is not there any more.
func (k *cacher) survivors(all []string) {
	have := map[uint32]bool{}
	for i, u := range all {
		n, _ := strconv.ParseUint(u, 10, 32)
		have[uint32(n)] = true
		if !k.uidOnly {
			k.order[i] = uint32(n)
		}
	}
	for u := range k.cache {
		if !have[u] {
			delete(k.cache, u)
		}
	}
}

// learn asks for messages that are new. What is told of one of them before does
// not mean that those below it are known.
func (k *cacher) learn() {
	k.run("UID FETCH %d:* (UID FLAGS)", k.last+1)
	for u := range k.cache {
		k.last = max(k.last, u)
	}
}

// run runs a command, which must be OK, and gives its untagged responses.
func (k *cacher) run(format string, args ...any) (lines []string) {
	k.tags++
	tag := fmt.Sprintf("k%d", k.tags)
	k.send(tag + " " + fmt.Sprintf(format, args...))
	for {
		l := k.line()
		k.hear(l)
		if strings.HasPrefix(l, tag+" ") {
			if !strings.HasPrefix(l, tag+" OK ") {
				k.fail("%s", l)
			}
			k.settle()
			return lines
		}
		lines = append(lines, l)
	}
}

// settle counts HIGHESTMODSEQ at a tagged response.
func (k *cacher) settle() {
	switch {
	case k.given > 0:
		k.highest = k.given
	case k.told > k.highest:
		k.highest = k.told
	}
	k.told, k.given = 0, 0
}

var (
	heardFetch    = regexp.MustCompile(`^\* (\d+) (UID)?FETCH \((.*)\)$`)
	heardVanished = regexp.MustCompile(`^\* VANISHED (\(EARLIER\) )?([\d:,]+)$`)
	heardNumber   = regexp.MustCompile(`^\* (\d+) (EXISTS|EXPUNGE)$`)
	heardHighest  = regexp.MustCompile(`^\S+ OK \[HIGHESTMODSEQ (\d+)\]`)
	heardValidity = regexp.MustCompile(`^\* OK \[UIDVALIDITY (\d+)\]`)
	modseqItem    = regexp.MustCompile(`MODSEQ \((\d+)\)`)
)

// hear takes in one response.
func (k *cacher) hear(l string) {
	if m := heardHighest.FindStringSubmatch(l); m != nil {
		k.given, _ = strconv.ParseInt(m[1], 10, 64)
	}
	if m := heardValidity.FindStringSubmatch(l); m != nil {
		k.validity = m[1]
	}
	if m := heardVanished.FindStringSubmatch(l); m != nil {
		k.vanished(m[1] != "", m[2])
	}
	if rest, ok := strings.CutPrefix(l, "* SEARCH"); ok {
		k.survivors(strings.Fields(rest))
	}
	if m := heardNumber.FindStringSubmatch(l); m != nil {
		n, _ := strconv.Atoi(m[1])
		k.renumber(l, n, m[2])
	}
	if m := heardFetch.FindStringSubmatch(l); m != nil {
		n, _ := strconv.ParseUint(m[1], 10, 32)
		k.fetched(l, uint32(n), m[2] != "", m[3])
	}
}

func (k *cacher) renumber(l string, n int, what string) {
	if what == "EXISTS" {
		if n < k.exists {
			k.fail("%s, but there are %d", l, k.exists)
		}
		if !k.qresync {
			k.order = append(k.order, make([]uint32, n-k.exists)...)
		}
		k.exists = n
		return
	}
	if k.qresync || k.uidOnly || n < 1 || n > k.exists {
		k.fail("%s, and there are %d", l, k.exists)
	}
	delete(k.cache, k.order[n-1])
	k.order = slices.Delete(k.order, n-1, n)
	k.exists--
}

func (k *cacher) vanished(earlier bool, set string) {
	if !k.qresync && !k.uidOnly {
		k.fail("VANISHED, though nobody asked for it")
	}
	for part := range strings.SplitSeq(set, ",") {
		a, b, two := strings.Cut(part, ":")
		first, _ := strconv.ParseUint(a, 10, 32)
		last := first
		if two {
			last, _ = strconv.ParseUint(b, 10, 32)
		}
		for u := uint32(first); u <= uint32(last); u++ {
			delete(k.cache, u)
			if earlier {
				continue
			}
			if k.exists--; k.exists < 0 {
				k.fail("VANISHED %s: more than there were", set)
			}
		}
	}
}

func (k *cacher) fetched(l string, n uint32, byUID bool, items string) {
	if byUID != k.uidOnly {
		k.fail("%s, with UIDONLY %v", l, k.uidOnly)
	}
	uid := n
	if u := uidItem.FindStringSubmatch(items); u != nil {
		v, _ := strconv.ParseUint(u[1], 10, 32)
		uid = uint32(v)
	} else if !byUID {
		k.fail("%s has no UID", l)
	}
	m := modseqItem.FindStringSubmatch(items)
	if m == nil {
		k.fail("%s has no MODSEQ", l)
	}
	if !byUID {
		if n < 1 || int(n) > k.exists {
			k.fail("%s, but there are %d", l, k.exists)
		}
		if !k.qresync {
			if have := k.order[n-1]; have != 0 && have != uid {
				k.fail("%s, but that is UID %d", l, have)
			}
			k.order[n-1] = uid
		}
	}
	e := k.cache[uid]
	modseq, _ := strconv.ParseInt(m[1], 10, 64)
	if modseq < e.modseq {
		k.fail("%s, but it was at %d", l, e.modseq)
	}
	e.modseq = modseq
	k.told = max(k.told, modseq)
	if f := flagsItem.FindStringSubmatch(items); f != nil {
		e.flags = sortFlags(strings.Fields(f[1]))
	}
	k.cache[uid] = e
}
