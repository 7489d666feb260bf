package imapd

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"posthorn/store"
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

// act does what people do, by UID, and hangs up at any time.
func (k *cacher) act(r *rand.Rand, steps int) {
	names := []string{`\Seen`, `\Flagged`, `\Deleted`, "Work", "$Label1"}
	for range steps {
		k.learn()
		if len(k.cache) == 0 {
			k.run("APPEND INBOX {14+}\r\nSubject: new\r\n")
			continue
		}
		uids := make([]uint32, 0, len(k.cache))
		for u := range k.cache {
			uids = append(uids, u)
		}
		slices.Sort(uids)
		uid := uids[r.IntN(len(uids))]
		op, flag := []string{"+", "-", ""}[r.IntN(3)], names[r.IntN(len(names))]
		switch r.IntN(16) {
		case 0, 1:
			k.run("UID STORE %d %sFLAGS (%s)", uid, op, flag)
		case 2, 3:
			k.believe(uid, op, flag)
			k.run("UID STORE %d %sFLAGS.SILENT (%s)", uid, op, flag)
		case 4:
			k.run("UID STORE 1:%d (UNCHANGEDSINCE %d) %sFLAGS (%s)", uid, k.highest-r.Int64N(4), op, flag)
		case 5:
			k.believe(uid, op, flag) // where it fails, the flags are told
			k.run("UID STORE %d (UNCHANGEDSINCE %d) %sFLAGS.SILENT (%s)", uid, k.cache[uid].modseq, op, flag)
		case 6:
			k.run("EXPUNGE")
		case 7:
			k.run("UID EXPUNGE 1:%d", uid)
		case 8:
			k.run("APPEND INBOX {14+}\r\nSubject: new\r\n")
		case 9:
			k.run("UID COPY %d INBOX", uid)
		case 10:
			k.run("UID MOVE %d %s", uid, []string{"Trash", "INBOX"}[r.IntN(2)])
		case 11:
			k.run("IDLE\r\nDONE")
		case 12:
			k.byNumber(flag)
		case 13:
			k.leave()
		default:
			k.hangUp(r, uid, op, flag)
		}
	}
}

// byNumber runs commands during which an expunge may not be told.
func (k *cacher) byNumber(flag string) {
	if k.uidOnly || k.exists == 0 {
		k.run("NOOP")
		return
	}
	for _, l := range append(k.run("STORE 1:%d +FLAGS (%s)", min(3, k.exists), flag), k.run("FETCH 1:%d (UID FLAGS)", k.exists)...) {
		if heardVanished.MatchString(l) || strings.HasSuffix(l, " EXPUNGE") {
			k.fail("%s during a command by number", l)
		}
	}
}

// believe changes flags as a STORE .SILENT makes them.
func (k *cacher) believe(uid uint32, op, flag string) {
	e := k.cache[uid]
	e.flags = changeFlags(e.flags, op, flag)
	k.cache[uid] = e
}

// leave closes the mailbox. What the client knows to be deleted goes.
func (k *cacher) leave() {
	if k.uidOnly && !k.qresync {
		k.run("UNSELECT")
	} else {
		k.run("CLOSE")
		maps.DeleteFunc(k.cache, func(_ uint32, e cached) bool { return slices.Contains(strings.Fields(e.flags), `\Deleted`) })
	}
	k.open()
}

// hangUp sends a command and does not wait for what comes of it.
func (k *cacher) hangUp(r *rand.Rand, uid uint32, op, flag string) {
	commands := []string{
		"x NOOP",
		fmt.Sprintf("x UID STORE 1:%d %sFLAGS (%s)", uid, op, flag),
		"x EXPUNGE",
		fmt.Sprintf("x UID MOVE %d Trash", uid),
		"x CLOSE", // leave says what its OK means
	}
	command := commands[r.IntN(len(commands))]
	k.send(command)
	for heard := r.IntN(3); heard > 0 && command != "x CLOSE"; heard-- {
		l := k.line()
		k.hear(l)
		if strings.HasPrefix(l, "x ") {
			k.settle()
			break
		}
	}
	k.told, k.given = 0, 0
	// What comes is not heard any more; but the server has done with the
	// command when the connection has ended, so that the store stands still
	// when the test compares.
	if err := k.c.(*net.TCPConn).CloseWrite(); err != nil {
		k.fail("hang up: %v", err)
	}
	k.c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, k.r); err != nil {
		k.fail("the server does not end: %v", err)
	}
	k.connect()
}

// model lists what the client believes, modification sequences included.
func (k *cacher) model() string {
	uids := make([]uint32, 0, len(k.cache))
	for u := range k.cache {
		uids = append(uids, u)
	}
	slices.Sort(uids)
	var b strings.Builder
	for _, u := range uids {
		fmt.Fprintf(&b, "%d %s (%d)\n", u, k.cache[u].flags, k.cache[u].modseq)
	}
	return b.String()
}

// check compares the model with what the store has, as it is now and after one
// more connection.
func (k *cacher) check(want string, exists int) {
	k.run("NOOP")
	k.learn()
	k.run("NOOP")
	for _, when := range []string{"connected", "connected anew"} {
		if got := k.model(); got != want || k.exists != exists {
			k.fail("%s, believes %d\n%s\nbut the store has %d\n%s", when, k.exists, got, exists, want)
		}
		k.connect()
	}
}

// modseqs lists the store's INBOX as cacher.model does.
func (w *world) modseqs(name string) (list string, exists int) {
	m, err := w.store.Mailbox(w.t.Context(), w.account(name).ID, "INBOX")
	if err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	var rows []store.Row
	box, err := m.Rows(w.t.Context(), func(r []store.Row) { rows = append(rows, r...) })
	if err != nil {
		w.t.Fatal(err)
	}
	v := newVersion(box.ModSeq, box, nil)
	for _, r := range rows {
		flags := strings.Trim(string(v.appendFlags(nil, r.Flags, false)), "()")
		fmt.Fprintf(&b, "%d %s (%d)\n", r.UID, sortFlags(strings.Fields(flags)), r.ModSeq)
	}
	return b.String(), len(rows)
}
