package queue

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"posthorn/mail"
	"posthorn/message"
	"posthorn/queue/report"
	"posthorn/queue/words"
	"posthorn/store"
)

// occasion is why a report is written; none: there is none.
type occasion = report.Action

const none occasion = ""

// about is the message that reports are about.
type about struct {
	*mail.Mail
	item      store.ItemID // 0: it never waited
	messageID string
	arrived   time.Time
}

// report writes reports about results, for one occasion, to the sender of a, and
// routes them as part of the same change: a sender who has a mailbox here finds
// them there, for another they are spooled. There is one for all recipients,
// unless they are more than one can tell about.
func (d *draft) report(ctx context.Context, a about, occ occasion, results []result, depth int) error {
	original := d.original(a, occ)
	written, err := d.hand(ctx, a, original.Header)
	if err != nil {
		return err
	}
	others, err := d.others(ctx, a, results)
	if err != nil {
		return err
	}
	selector, err := d.selector(ctx, a.From.Domain)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(results, report.MaxRecipients) {
		r := &report.Report{
			Action: occ, Original: original, Others: others,
			ID: mail.NewID(), Hostname: d.cfg.Hostname, Now: time.Now(), Words: written.words, Clock: written.clock,
		}
		for _, one := range part {
			r.Recipients = append(r.Recipients, recipient(a, occ, one, d.cfg.Hostname, selector))
			e := d.record(a.Mail, "reported", one.Recipient, one.status)
			e.Linked, e.Detail = r.ID, string(occ)
		}
		if err := d.route(ctx, envelop(a, r), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// envelop is a report as mail: from nobody, so that none is ever written about it
// (RFC 3461 §6.1).
func envelop(a about, r *report.Report) *mail.Mail {
	return &mail.Mail{
		Envelope: mail.Envelope{
			To:   []mail.Recipient{{Path: a.From, Notify: mail.NotifyNever}},
			UTF8: r.UTF8(), Body: mail.Body8BitMIME, RequireTLS: a.RequireTLS,
		},
		QueueID: r.ID,
		Parent:  a.QueueID,
		Origin:  mail.Origin{Proven: true, Protocol: "local"},
		Content: mail.Bytes(r.Compose()),
	}
}

// original is a as a report brings it back: all of it only where that was asked
// for, nothing was delivered (RFC 3461 §4.3), it is small, and it need not be kept
// from others' eyes (RFC 8689 §5).
func (d *draft) original(a about, occ occasion) report.Original {
	o := report.Original{Envelope: a.Envelope, QueueID: a.QueueID, By: a.Origin.Forwarder, MessageID: a.messageID, Arrived: a.arrived}
	if a.Origin.Login == "" && a.Origin.Protocol != "local" {
		o.Peer = a.Origin.Peer
	}
	var err error
	if o.Header, err = head(a.Mail); err == nil &&
		occ == report.Failed && a.Return == mail.ReturnFull && !a.RequireTLS && a.FullSize() <= int64(d.cfg.ReturnFull) {
		o.Full, err = whole(a.Mail)
	}
	if err != nil {
		// The sender is told without it.
		d.log.Error("content of a message cannot be quoted", "queue_id", a.QueueID, "error", err)
		o.Full = nil
	}
	if o.MessageID == "" { // it never waited: nobody has looked
		if ids := message.MessageIDs(message.ParseHeader(o.Header).Get("Message-ID")); len(ids) > 0 {
			o.MessageID = ids[0]
		}
	}
	return o
}

// recipient is a result as a report tells about it.
func recipient(a about, occ occasion, r result, hostname, selector string) report.Recipient {
	f := Classify(r.status.Reply)
	if !a.Origin.Forwarder.IsNull() && f.Who == words.Sender && f.Status[1] == 1 {
		// The sender has not written to that address and cannot correct it.
		f.Kind, f.Who = deadForwarding, words.Recipient
	}
	one := report.Recipient{
		Recipient: r.Recipient, Status: r.status, Kind: f.Kind, Who: f.Who, Params: f.Params, Expired: r.expired,
		Attempts: r.Attempts + 1, First: r.Tried, Last: r.at, Until: r.until, Code: statusCode(occ, r, f),
	}
	if one.First.IsZero() {
		one.First = r.at
	}
	one.Params = params(f.Params, map[string]string{
		"domain": r.Recipient.Path.Domain, "server": r.status.MTA, "sender": a.From.String(), "our_domain": a.From.Domain,
		"hostname": hostname, "selector": selector, "size": words.Size(a.FullSize()), "alias": a.Origin.Forwarder.String(), "ip": localAddr(r.status.Link),
	})
	return one
}

// deadForwarding is the kind of a wrong address that one of ours leads to.
const deadForwarding words.Kind = "dead-forwarding"

func localAddr(l mail.Link) string {
	if !l.Local.IsValid() || l.Local.IsPrivate() || l.Local.IsLoopback() {
		return "" // behind address translation others see another one
	}
	return l.Local.String()
}

// params are those found in a text, and what is known otherwise where that says
// nothing. None can hide or grow.
func params(found, known map[string]string) map[string]string {
	all := make(map[string]string)
	for name, v := range known {
		all[name] = report.Show(v, maxParam)
	}
	for name, v := range found {
		if v != "" {
			all[name] = report.Show(v, maxParam)
		}
	}
	return all
}

// statusCode is the Status field: what Classify says, but 4.4.7 when time was up,
// for with 5 in front list software would strike a good address off; and of class
// 4 while the message waits, whatever the server said.
func statusCode(occ occasion, r result, f Finding) mail.EnhancedCode {
	x := f.Status
	switch {
	case occ == report.Relayed || occ == report.Delivered || occ == report.Expanded:
		return r.status.Reply.X
	case r.expired && r.status.Reply.Temporary():
		return mail.Expired.X
	case occ == report.Delayed:
		x[0] = 4
	case occ == report.Failed && !r.expired:
		x[0] = 5
	}
	return x
}

// others are the recipients of a that results are not about: who has it, who may
// still get it, who was told about before.
func (d *draft) others(ctx context.Context, a about, results []result) ([]report.Other, error) {
	if a.item == 0 {
		return nil, nil
	}
	told := make(map[store.DeliveryID]bool)
	for _, r := range results {
		told[r.ID] = true
	}
	deliveries, err := d.st.Deliveries(ctx, a.item)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	fates := d.fates()
	var all []report.Other
	for _, one := range deliveries {
		if told[one.ID] {
			continue
		}
		state, now := fates[one.ID]
		if !now {
			state = one.State
		}
		all = append(all, report.Other{Path: one.Recipient.Path, Fate: fateOf[state]})
	}
	// Those with a mailbox here got it before it was spooled for the rest.
	events, err := d.st.Events(ctx, a.QueueID, 0, maxLooked)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	for _, e := range events {
		if p, err := mail.ParsePath(e.To); err == nil && (e.Kind == "delivered" || e.Kind == "forwarded") && !isOther(all, p) {
			all = append(all, report.Other{Path: p, Fate: report.Done})
		}
	}
	return all, nil
}

// maxLooked of a message are looked at for who got it.
const maxLooked = 1000

var fateOf = map[store.DeliveryState]report.Fate{store.Done: report.Done, store.Waiting: report.Waiting, store.Failed: report.Gone}

func isOther(all []report.Other, p mail.Path) bool {
	return slices.ContainsFunc(all, func(o report.Other) bool { return o.Path.Key() == p.Key() })
}

// fates are the states that this change gives to deliveries.
func (d *draft) fates() map[store.DeliveryID]store.DeliveryState {
	all := make(map[store.DeliveryID]store.DeliveryState)
	for _, s := range d.change.Settle {
		all[s.Delivery] = s.State
	}
	return all
}

// selector is that of a key the domain's mail is signed with, "" when there is
// none.
func (d *draft) selector(ctx context.Context, domain string) (string, error) {
	keys, err := d.st.DKIMKeys(ctx, domain)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	if len(keys) == 0 {
		return "", nil
	}
	return keys[0].Selector, nil
}

// whole reads all of m.
func whole(m *mail.Mail) ([]byte, error) {
	r, err := m.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// theirs tells whether the reply is a remote server's words, and not what our
// side made of its behaviour.
func (r result) theirs() bool { return r.status.MTA != "" && r.status.Reply.Name == "" }
