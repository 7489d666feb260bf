package queue

import (
	"fmt"
	"strings"

	"posthorn/mail"
	"posthorn/store"
)

// This file writes a message's recorded life, which `posthorn trace` shows. Each
// event is part of the commit of what it tells. The kinds:
//
//	accepted   one for each recipient, when a message comes, or is made here
//	refused    the same for one that was not taken (refused.go)
//	delivered  into a mailbox, or nowhere as its owner's rules wish
//	forwarded  to another address; Linked is the message that goes there
//	relayed    to another host, which has it now
//	withheld   junk, which is not sent on to another host
//	bounced    taken by another host, which reported a failure later; Linked is its report
//	deferred   an attempt that may work later
//	held       it waits for an administrator
//	failed     given up
//	reported   the sender was told, by us or another host; Linked is the report
//	dropped    taken out of the queue by an administrator

// record notes an event of m that is nobody's attempt, and gives it for more to
// be said.
func (d *draft) record(m *mail.Mail, kind string, to mail.Recipient, s mail.Status) *store.Event {
	d.change.Events = append(d.change.Events, store.Event{
		Kind: kind, Session: m.QueueID, MessageID: d.names[m.QueueID], From: m.From.String(), To: to.Path.String(),
		Login: m.Origin.Sender(), MTA: s.MTA, Status: s.Reply.String(),
	})
	return &d.change.Events[len(d.change.Events)-1]
}

// recordAccepted notes where m comes from, for each recipient, so that each leads
// to it.
func (d *draft) recordAccepted(m *mail.Mail) {
	detail := origin(m)
	for _, r := range m.To {
		e := d.record(m, "accepted", r, mail.Status{Reply: mail.Queued.With(m.QueueID), MTA: m.Origin.Peer})
		e.Detail, e.Linked, e.Leads = detail, m.Parent, true
	}
}

// nameRecorded gives the events of m from the first on its Message-ID, which is
// known once its content was put.
func (d *draft) nameRecorded(m *mail.Mail, first int) {
	for i := range d.change.Events[first:] {
		if e := &d.change.Events[first+i]; e.Session == m.QueueID {
			e.MessageID = d.names[m.QueueID]
		}
	}
}

// sameName gives m the Message-ID of what went onward of it: its own content is
// not put when no mailbox here keeps it.
func (d *draft) sameName(m, onward *mail.Mail) {
	if name := d.names[onward.QueueID]; name != "" && d.names[m.QueueID] == "" {
		d.names[m.QueueID] = name
	}
}

// origin says how m came, for people.
func origin(m *mail.Mail) string {
	o := m.Origin
	return joinFacts(o.Protocol, o.TLS, o.Notes, fmt.Sprintf("%d octets", m.FullSize()))
}

// connection says on which one an attempt was made, for people.
func connection(l mail.Link) string {
	at := ""
	if l.Remote.IsValid() {
		at = "[" + l.Remote.String() + "]"
		if l.Local.IsValid() && l.TLS == "" {
			at += ", without TLS"
		}
	}
	return joinFacts(at, l.TLS)
}

// addresses lists recipients for people, at most three of them.
func addresses(to []mail.Recipient) string {
	var all []string
	for i, r := range to {
		if i == 3 {
			all = append(all, fmt.Sprintf("%d more", len(to)-i))
			break
		}
		all = append(all, r.Path.String())
	}
	return joinFacts(all...)
}

func joinFacts(facts ...string) string {
	var said []string
	for _, f := range facts {
		if f != "" {
			said = append(said, mail.Clean(f))
		}
	}
	return strings.Join(said, ", ")
}
