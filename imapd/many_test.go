package imapd

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/store"
)

// Several clients act on one mailbox at the same time. Each builds its own
// model of it only from what the server tells it; in the end every model must
// be what the store has. This holds the rules of RFC 9051 §5.2 and §7.5.1
// together: message numbers are never moved behind a client's back, nothing is
// told twice or left out, and a .SILENT change of one's own hides nobody
// else's. Beside them act clients that keep what they know over connections cut
// at any time, with CONDSTORE, QRESYNC and UIDONLY; clients that NOTIFY tells
// everything at once, or nothing until they ask; and clients that compress.
//
// POSTHORN_MANY is for how many seconds to go on with other seeds.
func TestManyClients(t *testing.T) {
	seeds := uint64(4)
	if long, err := strconv.Atoi(os.Getenv("POSTHORN_MANY")); err == nil {
		for end := time.Now().Add(time.Duration(long) * time.Second); time.Now().Before(end) && !t.Failed(); seeds++ {
			t.Run(fmt.Sprint(seeds), func(t *testing.T) { manyClients(t, seeds) })
		}
		return
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			manyClients(t, seed)
		})
	}
}

func manyClients(t *testing.T, seed uint64) {
	w := newWorld(t, tweaks{})
	for i := range 20 {
		w.deliver("alice", "INBOX", fmt.Appendf(nil, "Subject: %d\r\n\r\n", i))
	}
	var clients []*client
	for i := range 3 {
		clients = append(clients, newClient(t, w, fmt.Sprintf("client %d", i), "alice"))
		if i == 1 {
			clients[i].compress()
		}
		clients[i].open()
	}
	silent := newClient(t, w, "silent", "alice")
	notified(silent, "(selected NONE)", "mailboxes Trash")
	silent.open()
	clients = append(clients, silent)
	var notifiers []*notifier
	for i, group := range []string{"selected", "selected-delayed"} {
		k := notified(newClient(t, w, group, "alice"), "("+group+" (MessageNew (UID FLAGS) MessageExpunge FlagChange))", []string{"mailboxes Trash", "personal"}[i])
		if i == 0 {
			k.compress()
		}
		k.open()
		notifiers = append(notifiers, k)
	}
	cachers := []*cacher{
		newCacher(t, w, "condstore", false, false), newCacher(t, w, "qresync", true, false),
		newCacher(t, w, "uidonly", false, true), newCacher(t, w, "both", true, true),
	}
	var all sync.WaitGroup
	for i, cl := range clients {
		all.Go(func() { cl.act(rand.New(rand.NewPCG(seed, uint64(i))), 80) })
	}
	for i, k := range cachers {
		all.Go(func() { k.act(rand.New(rand.NewPCG(seed, uint64(10+i))), 80) })
	}
	for i, k := range notifiers {
		all.Go(func() { k.act(rand.New(rand.NewPCG(seed, uint64(20+i))), 80) })
	}
	all.Wait()
	if t.Failed() {
		return
	}
	want := w.inbox("alice")
	for _, cl := range clients {
		cl.do("NOOP")
		cl.learn()
		cl.do("NOOP")
		if got := cl.model(); got != want {
			cl.fail("believes\n%s\nbut the store has\n%s", got, want)
		}
	}
	for _, k := range notifiers {
		k.check(w, want, "Trash", "alice", "Trash")
	}
	list, exists := w.modseqs("alice")
	for _, k := range cachers {
		k.check(list, exists)
	}
}

// inbox lists the store's INBOX as model does.
func (w *world) inbox(name string) string {
	m, err := w.store.Mailbox(w.t.Context(), w.account(name).ID, "INBOX")
	if err != nil {
		w.t.Fatal(err)
	}
	var rows []store.Row
	box, err := m.Rows(w.t.Context(), func(r []store.Row) { rows = append(rows, r...) })
	if err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	v := newVersion(box.ModSeq, box, nil)
	for _, r := range rows {
		flags := strings.Trim(string(v.appendFlags(nil, r.Flags, false)), "()")
		fmt.Fprintf(&b, "%d %s\n", r.UID, sortFlags(strings.Fields(flags)))
	}
	return b.String()
}

func (cl *client) model() string {
	var b strings.Builder
	for _, e := range cl.box {
		fmt.Fprintf(&b, "%d %s\n", e.uid, e.flags)
	}
	return b.String()
}

// act does what people do with their mail.
func (cl *client) act(r *rand.Rand, steps int) {
	flags := []string{`\Seen`, `\Flagged`, `\Deleted`, "Work", "$Label1"}
	for range steps {
		cl.learn()
		if len(cl.box) == 0 {
			cl.append()
			continue
		}
		n := 1 + r.IntN(len(cl.box))
		uid := cl.box[n-1].uid
		op, flag := []string{"+", "-", ""}[r.IntN(3)], flags[r.IntN(len(flags))]
		switch r.IntN(13) {
		case 0, 1:
			cl.do("STORE %d %sFLAGS (%s)", n, op, flag)
		case 2, 3:
			cl.believe(n, op, flag)
			cl.do("STORE %d %sFLAGS.SILENT (%s)", n, op, flag)
		case 4:
			cl.believe(n, op, flag)
			cl.do("UID STORE %d %sFLAGS.SILENT (%s)", uid, op, flag)
		case 5:
			cl.do("STORE 1:%d %sFLAGS (%s)", n, op, flag)
		case 6:
			cl.do("EXPUNGE")
		case 7:
			cl.do("UID EXPUNGE %d", uid)
		case 8:
			cl.append()
		case 9:
			cl.do("COPY %d INBOX", n)
		case 10:
			cl.do("UID MOVE %d Trash", uid)
		case 11:
			cl.idle()
		case 12:
			if r.IntN(5) == 0 {
				cl.open()
			} else {
				cl.do("NOOP")
			}
		}
	}
}

func (cl *client) append() {
	cl.send("a APPEND INBOX {14+}\r\nSubject: new\r\n")
	for l := cl.line(); !strings.HasPrefix(l, "a OK "); l = cl.line() {
		cl.told(l)
	}
}

// idle idles for as long as it takes to be told that it does, and to say DONE.
func (cl *client) idle() {
	cl.send("i IDLE")
	for l := cl.line(); l != "+ idling"; l = cl.line() {
		cl.told(l)
	}
	cl.send("DONE")
	for l := cl.line(); !strings.HasPrefix(l, "i OK "); l = cl.line() {
		cl.told(l)
	}
}
