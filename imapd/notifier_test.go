package imapd

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
)

// notifier is a client that NOTIFY tells what happens, in INBOX and in another
// mailbox. It acts by UID, since numbers may move between two of its commands,
// and asks nothing back: what is new comes with UID and FLAGS.
type notifier struct {
	*client
	status map[string]string // what STATUS said last, by mailbox
}

var statusHeard = regexp.MustCompile(`^\* STATUS (".*"|\S+) \((.*)\)$`)

// notified makes cl one. selected is the group of the selected mailbox, others
// choose those that are told of by STATUS.
func notified(cl *client, selected, others string) *notifier {
	k := &notifier{cl, map[string]string{}}
	cl.heard = func(l string) {
		if m := statusHeard.FindStringSubmatch(l); m != nil {
			k.status[strings.Trim(m[1], `"`)] = m[2]
		}
	}
	k.do("NOTIFY SET STATUS %s (%s (MessageNew MessageExpunge FlagChange))", selected, others)
	return k
}

func (k *notifier) act(r *rand.Rand, steps int) {
	flags := []string{`\Seen`, `\Flagged`, `\Deleted`, "Work", "$Label1"}
	for range steps {
		if len(k.box) == 0 {
			k.append()
			continue
		}
		uid := k.box[r.IntN(len(k.box))].uid
		op, flag := []string{"+", "-", ""}[r.IntN(3)], flags[r.IntN(len(flags))]
		switch r.IntN(9) {
		case 0, 1:
			k.do("UID STORE %d %sFLAGS (%s)", uid, op, flag)
		case 2:
			k.do("UID STORE 1:%d %sFLAGS (%s)", uid, op, flag)
		case 3:
			k.do("UID EXPUNGE %d", uid)
		case 4:
			k.append()
		case 5:
			k.do("UID COPY %d INBOX", uid)
		case 6:
			k.do("UID MOVE %d Trash", uid)
		case 7:
			k.idle()
		case 8:
			k.do("NOOP")
		}
	}
}

// check waits until the client has been told what the store has.
func (k *notifier) check(w *world, inbox, mailbox, owner, local string) {
	k.do("NOOP")
	for k.model() != inbox {
		k.told(k.line())
	}
	m, err := w.store.Mailbox(w.t.Context(), w.account(owner).ID, local)
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := m.Box(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	want := fmt.Sprintf("UIDNEXT %d MESSAGES %d UIDVALIDITY %d UNSEEN %d HIGHESTMODSEQ %d", b.UIDNext, b.Messages, b.UIDValidity, b.Unseen, b.ModSeq)
	for k.status[mailbox] != want {
		k.told(k.line())
	}
}
