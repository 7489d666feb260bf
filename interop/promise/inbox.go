package promise

import (
	"slices"
	"sync"
)

// inbox is what must stand in the INBOX of an account that gets mail from
// outside.
type inbox struct {
	mu       sync.Mutex
	state    map[string]state  // guarded by mu, by id
	uids     map[string]uint32 // guarded by mu: of messages that were seen
	validity uint32            // guarded by mu; zero: it was not seen yet
	next     uint32            // guarded by mu: the least UID that a new message may have
	modseq   uint64            // guarded by mu: the highest that was told
}

// state is what was answered about a message. One of which nobody asked for an
// answer, or where none came, has none: it is in transit.
type state int

const (
	there   state = iota + 1
	leaving       // its removal was asked for: it is there or gone
	gone          // removed, or refused
)

func newInbox() *inbox { return &inbox{state: map[string]state{}, uids: map[string]uint32{}, next: 1} }

// set is told of the answer to a message.
func (b *inbox) set(id string, kept bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !kept:
		b.state[id] = gone
	case b.state[id] == 0: // else it was taken away before its sender had read the answer
		b.state[id] = there
	}
}

// leave is told before the removal of messages is asked for, left when it was
// answered.
func (b *inbox) leave(ids []string) { b.mark(ids, leaving) }
func (b *inbox) left(ids []string)  { b.mark(ids, gone) }

func (b *inbox) mark(ids []string, s state) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range ids {
		b.state[id] = s
	}
}

// found holds what stands in the INBOX against what was answered, and remembers
// it: from now on each message is there or gone. While it runs nothing comes and
// nothing leaves.
func (b *inbox) found(l *Load, user string, seen mailbox, transit map[string]letter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.numbers(l, user, seen)
	here := map[string]bool{}
	for _, m := range seen.messages {
		switch s := b.state[m.id]; {
		case here[m.id]:
			l.problem("INBOX of %s: %s is there twice, now as UID %d", user, m.id, m.uid)
		case !m.whole:
			l.problem("INBOX of %s: %s (UID %d) is not whole: %d octets", user, m.id, m.uid, m.octets)
		case s == gone:
			l.problem("INBOX of %s: %s (UID %d) was removed or refused, and is there", user, m.id, m.uid)
		case s == 0 && !slices.Contains(transit[m.id].users, user):
			l.problem("INBOX of %s: nobody sent %q (UID %d) there", user, m.id, m.uid)
		}
		here[m.id] = true
		b.state[m.id] = there
	}
	for id, s := range b.state {
		if s == there && !here[id] {
			l.problem("INBOX of %s: %s was answered for and is not there", user, id)
		}
		if !here[id] {
			b.state[id] = gone
			delete(b.uids, id)
		}
	}
}

// numbers holds S4: UIDs stay and only grow; and that modification sequences do.
func (b *inbox) numbers(l *Load, user string, seen mailbox) {
	if b.validity != 0 && b.validity != seen.validity {
		l.problem("INBOX of %s: UIDVALIDITY was %d and is %d", user, b.validity, seen.validity)
	}
	if seen.next < b.next {
		l.problem("INBOX of %s: UIDNEXT was %d and is %d", user, b.next, seen.next)
	}
	if seen.modseq < b.modseq {
		l.problem("INBOX of %s: HIGHESTMODSEQ was %d and is %d", user, b.modseq, seen.modseq)
	}
	for _, m := range seen.messages {
		switch uid := b.uids[m.id]; {
		case uid != 0 && uid != m.uid:
			l.problem("INBOX of %s: %s had UID %d and has %d", user, m.id, uid, m.uid)
		case uid == 0 && m.uid < b.next:
			l.problem("INBOX of %s: %s is new and has UID %d, below %d", user, m.id, m.uid, b.next)
		}
		b.uids[m.id] = m.uid
	}
	b.validity, b.next, b.modseq = seen.validity, seen.next, seen.modseq
}
