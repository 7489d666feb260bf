package queue

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// What was refused in a session is recorded too, since "why did my mail not
// arrive" is asked about it most of all. It is written after the answer, and a
// flood of it is cut off: each hour has room for so much of one address, and for
// so much in all, apart for what names no mailbox of ours and may come from
// somebody who tries out names. What is over that has its line in the log alone.
const (
	refusedOfPeer    = 30
	refusedStrangers = 500 // no such mailbox, not ours
	refusedOthers    = 1000
)

// refusalBudget counts what was recorded in this hour.
type refusalBudget struct {
	mu                sync.Mutex
	hour              time.Time            // guarded by mu
	peers             map[netip.Prefix]int // guarded by mu
	strangers, others int                  // guarded by mu
}

// may takes one event from what is left of the hour.
func (r *refusalBudget) may(peer netip.Addr, reply mail.Reply, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if hour := now.Truncate(time.Hour); !hour.Equal(r.hour) {
		r.hour, r.peers, r.strangers, r.others = hour, make(map[netip.Prefix]int), 0, 0
	}
	count, limit := &r.others, refusedOthers
	if errors.Is(reply, mail.NoSuchMailbox) || errors.Is(reply, mail.RelayDenied) {
		count, limit = &r.strangers, refusedStrangers
	}
	net := network(peer)
	if *count >= limit || peer.IsValid() && r.peers[net] >= refusedOfPeer {
		return false
	}
	*count++
	r.peers[net]++
	return true
}

// network is what belongs to one peer: an IPv4 address, or an IPv6 network of 64
// bits.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the zero Prefix for the zero Addr
	return p
}

// Refused records that m was not taken: m has its envelope's sender, its queue
// id and its origin. messageID is "" where no content came.
func (q *Queue) Refused(ctx context.Context, m *mail.Mail, peer netip.Addr, messageID string, refused []mail.Refusal) {
	var c store.Change
	now := time.Now()
	for _, r := range refused {
		if !q.refusals.may(peer, r.Reply, now) {
			continue
		}
		c.Events = append(c.Events, store.Event{
			Kind: "refused", Session: m.QueueID, MessageID: messageID, From: m.From.String(), To: r.To.String(), Login: m.Origin.Login,
			MTA: m.Origin.Peer, Status: r.Reply.String(), Detail: joinFacts(m.Origin.Protocol, m.Origin.TLS, m.Origin.Notes), Leads: true,
		})
	}
	if len(c.Events) == 0 {
		return
	}
	_, err := q.st.Commit(ctx, c)
	switch {
	case errors.Is(err, store.ErrNoSpace): // the store has told the log, once; the transaction has its line
	case err != nil:
		q.log.Warn("a refusal is not recorded", "queue_id", m.QueueID, "error", err)
	}
}
