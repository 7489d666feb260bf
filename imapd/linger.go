package imapd

import (
	"sync"
	"time"

	"posthorn/store"
)

// lingering keeps the last version of mailboxes for lingerTime after their last
// session. It hears of no commit: who takes a version asks for the changes.
type lingering struct {
	mu    sync.Mutex // guards what follows
	left  []leftover // the longest left first
	rows  uint32     // of all together
	timer *time.Timer
}

type leftover struct {
	id      store.MailboxID
	version *version
	until   time.Time
}

// keep takes a version that no session uses.
func (l *lingering) keep(id store.MailboxID, v *version) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v.count > lingerRows {
		return
	}
	for len(l.left) >= lingerBoxes || l.rows > lingerRows-v.count {
		l.drop(0)
	}
	l.left = append(l.left, leftover{id, v, time.Now().Add(lingerTime)})
	l.rows += v.count
	if len(l.left) == 1 {
		l.timer = time.AfterFunc(lingerTime, l.expire)
	}
}

// take gives a version back to a session, nil if there is none.
func (l *lingering) take(id store.MailboxID) *version {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, b := range l.left {
		if b.id == id {
			l.drop(i)
			return b.version
		}
	}
	return nil
}

// expire drops what is due. It runs when the timer does, which runs as long as
// there is something.
func (l *lingering) expire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for len(l.left) > 0 && !now.Before(l.left[0].until) {
		l.drop(0)
	}
	if len(l.left) > 0 {
		l.timer.Reset(l.left[0].until.Sub(now))
	}
}

// drop is called under mu.
func (l *lingering) drop(i int) {
	l.rows -= l.left[i].version.count
	copy(l.left[i:], l.left[i+1:])
	l.left[len(l.left)-1] = leftover{}
	l.left = l.left[:len(l.left)-1]
	if len(l.left) == 0 {
		l.timer.Stop()
	}
}
