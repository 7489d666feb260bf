package imapd

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/store"
)

// guest is a client in another user's mailbox, whose rights change under it. It
// takes a NO for what it is, and opens the mailbox again when it was lost.
type guest struct {
	*client
	box  string
	lost bool // it was told that the mailbox is not its to read any more
}

func newGuest(cl *client, box string) *guest {
	g := &guest{client: cl, box: box}
	cl.heard = func(l string) { g.lost = g.lost || strings.HasPrefix(l, "* NO [NONEXISTENT]") }
	g.reopen()
	return g
}

// try runs a command and gives its tagged response.
func (g *guest) try(format string, args ...any) string {
	g.tags++
	tag := fmt.Sprintf("t%d ", g.tags)
	command := fmt.Sprintf(format, args...)
	g.send(tag + command)
	verb, _, _ := strings.Cut(command, " ")
	keeps := verb == "STORE" || verb == "FETCH"
	for {
		l := g.line()
		if said, ok := strings.CutPrefix(l, tag); ok {
			if !strings.HasPrefix(said, "OK") && !strings.HasPrefix(said, "NO ") {
				g.fail("%s: %s", command, l)
			}
			return said
		}
		if keeps && strings.HasSuffix(l, " EXPUNGE") {
			g.fail("%s during %s", l, command)
		}
		g.told(l)
	}
}

// reopen selects the mailbox as soon as that is permitted.
func (g *guest) reopen() {
	for {
		g.client.box = nil
		said := g.try("SELECT %s", g.box)
		g.lost = false // of the mailbox before
		if strings.HasPrefix(said, "OK") && g.learn() {
			return
		}
		time.Sleep(time.Millisecond) // another goroutine gives the right back
	}
}

// learn asks for the messages that are new; false where the mailbox was lost.
func (g *guest) learn() bool {
	for i := 0; i < len(g.client.box) && !g.lost; i++ {
		if g.client.box[i].uid == 0 {
			g.try("FETCH %d:%d (UID FLAGS)", i+1, len(g.client.box))
			i = -1
		}
	}
	return !g.lost
}

func (g *guest) act(r *rand.Rand, steps int) {
	flags := []string{`\Seen`, `\Flagged`, `\Deleted`, `\Seen \Deleted`, `\Deleted Work`}
	for range steps {
		if !g.learn() {
			g.reopen()
		}
		if len(g.client.box) == 0 {
			g.try("NOOP")
		} else {
			g.one(r, 1+r.IntN(len(g.client.box)), []string{"+", "-", ""}[r.IntN(3)], flags[r.IntN(len(flags))])
		}
	}
}

func (g *guest) one(r *rand.Rand, n int, op, flag string) {
	uid := g.client.box[n-1].uid
	switch r.IntN(9) {
	case 0:
		g.try("STORE %d %sFLAGS (%s)", n, op, flag)
	case 1, 2:
		g.silently(n, op, flag)
	case 3:
		g.try("EXPUNGE")
	case 4:
		g.try("UID EXPUNGE %d", uid)
	case 5:
		g.try("COPY %d %s", n, g.box)
	case 6:
		g.try("UID MOVE %d INBOX", uid)
	case 7:
		g.idle()
		g.try("NOOP")
	default:
		g.try("APPEND %s (\\Seen Work) {14+}\r\nSubject: new\r\n", g.box)
	}
}

// silently believes in its change, and asks again where there was none.
func (g *guest) silently(n int, op, flag string) {
	e := &g.client.box[n-1]
	before, uid := *e, e.uid
	each := op
	for _, f := range strings.Fields(flag) {
		if e.flags = changeFlags(e.flags, each, f); each == "" {
			each = "+" // to the first
		}
	}
	said := g.try("STORE %d %sFLAGS.SILENT (%s)", n, op, flag)
	if strings.HasPrefix(said, "NO ") {
		if n <= len(g.client.box) && g.client.box[n-1].uid == uid {
			g.client.box[n-1].flags = before.flags
		}
		g.try("UID FETCH %d (UID FLAGS)", uid)
	}
}

// Two users act in one mailbox while what one of them may do there changes, from
// everything to nothing. In the end all believe what the store has.
func TestManyGuests(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			manyGuests(t, seed)
		})
	}
}

func manyGuests(t *testing.T, seed uint64) {
	const shared = "Shared/alice@example.test/INBOX"
	w := newWorld(t, tweaks{})
	for i := range 20 {
		w.deliver("alice", "INBOX", fmt.Appendf(nil, "Subject: %d\r\n\r\n", i))
	}
	w.share("alice", "INBOX", store.AllRights)
	owner := newClient(t, w, "owner", "alice")
	owner.open()
	var guests []*guest
	for i := range 2 {
		guests = append(guests, newGuest(newClient(t, w, fmt.Sprint("guest ", i), "bob"), shared))
	}
	watcher := notified(newClient(t, w, "watcher", "bob"), "(selected NONE)", "subtree Shared")
	ended := make(chan struct{})
	var all, changing sync.WaitGroup
	changing.Go(func() { w.changeRights(rand.New(rand.NewPCG(seed, 30)), ended) })
	all.Go(func() { owner.act(rand.New(rand.NewPCG(seed, 1)), 80) })
	for i, g := range guests {
		all.Go(func() { g.act(rand.New(rand.NewPCG(seed, uint64(10+i))), 80) })
	}
	all.Wait()
	close(ended)
	changing.Wait()
	if t.Failed() {
		return
	}
	want := w.inbox("alice")
	owner.do("NOOP")
	owner.learn()
	if got := owner.model(); got != want {
		owner.fail("believes\n%s\nbut the store has\n%s", got, want)
	}
	for _, g := range guests {
		g.try("NOOP")
		if !g.learn() {
			g.reopen()
		}
		if got := g.model(); got != want {
			g.fail("believes\n%s\nbut the store has\n%s", got, want)
		}
	}
	watcher.check(w, "", shared, "alice", "INBOX")
}

// changeRights gives bob other rights again and again, and all of them at the
// end.
func (w *world) changeRights(r *rand.Rand, ended <-chan struct{}) {
	m, err := w.store.Mailbox(w.t.Context(), w.account("alice").ID, "INBOX")
	if err != nil {
		w.t.Error(err)
		return
	}
	set := func(rights store.Rights) {
		if err := m.SetACL(w.t.Context(), "bob@example.test", false, store.RightsSet, rights); err != nil {
			w.t.Error(err)
		}
	}
	defer set(store.AllRights)
	some := []store.Rights{
		store.AllRights, store.AllRights &^ store.RightWrite, store.RightLookup | store.RightRead, store.RightRead | store.RightTrash,
		store.RightLookup | store.RightRead | store.RightSeen | store.RightInsert, store.AllRights &^ store.RightExpunge, store.RightLookup, 0,
	}
	for {
		select {
		case <-ended:
			return
		case <-time.After(time.Duration(r.IntN(10)) * time.Millisecond): // for the others to act meanwhile
			set(some[r.IntN(len(some))])
		}
	}
}
