package imapd

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"time"

	"posthorn/store"
)

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
