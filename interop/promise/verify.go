package promise

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// room is how many messages an INBOX keeps after Verify: most are taken away, so
// that a long run reads no more each time, and some stay, to be there next time.
const room = 100

// Verify holds the server, which runs and which nobody uses just now, to what was
// answered. What it finds is among the problems.
func (l *Load) Verify() error {
	l.mu.Lock()
	transit := l.transit
	l.transit = map[string]letter{}
	l.mu.Unlock()
	for _, user := range receivers {
		if err := l.verifyInbox(user, transit); err != nil {
			return fmt.Errorf("INBOX of %s: %w", user, err)
		}
	}
	l.verifyTransit(transit)
	for _, d := range l.desks {
		if err := l.verifyDesk(d); err != nil {
			return fmt.Errorf("%s of %s: %w", d.name, d.user, err)
		}
	}
	return nil
}

func (l *Load) session(user string) (*imap, error) {
	c, err := dial(l.at.IMAP, l.hurry)
	if err != nil {
		return nil, err
	}
	s, err := l.login(c, user)
	if err != nil {
		c.Close()
	}
	return s, err
}

func (l *Load) verifyInbox(user string, transit map[string]letter) error {
	s, err := l.session(user)
	if err != nil {
		return err
	}
	defer s.Close()
	seen, err := s.look("INBOX")
	if err != nil {
		return err
	}
	b := l.inboxes[user]
	b.found(l, user, seen, transit)
	if len(seen.messages) <= room {
		return nil
	}
	var ids []string
	var uids []uint32
	for _, m := range seen.messages[:len(seen.messages)-room/2] {
		ids, uids = append(ids, m.id), append(uids, m.uid)
	}
	b.leave(ids)
	if _, _, err = s.do("UID STORE " + set(uids) + ` +FLAGS.SILENT (\Deleted)`); err == nil {
		_, _, err = s.do("UID EXPUNGE " + set(uids))
	}
	if err == nil {
		b.left(ids)
	}
	return err
}

// verifyTransit holds that a message for several recipients whose answer did not
// come has come to all of them or to none.
func (l *Load) verifyTransit(transit map[string]letter) {
	for _, m := range transit {
		came := 0
		for _, u := range m.users {
			b := l.inboxes[u]
			b.mu.Lock()
			if _, seen := b.uids[m.id]; seen || b.state[m.id] != 0 { // gone: POP3 took it away
				came++
			}
			b.mu.Unlock()
		}
		if came > 0 && came < len(m.users) {
			l.problem("%s, which was not answered for, came to %d of %v", m.id, came, m.users)
		}
		if came > 0 && m.remote != "" { // all of it was committed at once
			l.mu.Lock()
			l.remote[m.remote] = true
			l.mu.Unlock()
		}
		for _, u := range m.users {
			if came == 0 { // and does not come later
				l.inboxes[u].set(m.id, false)
			}
		}
	}
}

// Relayed holds that the sink took mail for every recipient elsewhere that was
// answered for, waiting for it for as long as limit, and gives those for whom it
// took it more than once. They are for the caller to judge.
func (l *Load) Relayed(limit time.Duration) (twice map[string][]time.Time, all int) {
	l.mu.Lock()
	want := slices.Collect(maps.Keys(l.remote))
	l.mu.Unlock()
	for end := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		taken := l.sink.Taken()
		var lost []string
		for _, to := range want {
			if len(taken[to]) == 0 {
				lost = append(lost, to)
			}
		}
		if len(lost) > 0 && time.Now().Before(end) {
			continue
		}
		if len(lost) > 0 {
			l.problem("%d recipients elsewhere got nothing within %s: %s", len(lost), limit, strings.Join(lost[:min(5, len(lost))], " "))
		}
		maps.DeleteFunc(taken, func(_ string, at []time.Time) bool { return len(at) < 2 })
		return taken, len(want)
	}
}
