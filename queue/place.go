package queue

import (
	"context"
	"slices"
	"time"

	"posthorn/mail"
	"posthorn/queue/report"
	"posthorn/store"
)

// place puts m into mailboxes of ours and gives a status for each recipient.
func (d *draft) place(ctx context.Context, m *mail.Mail, to []mail.Recipient, depth int) ([]mail.Status, error) {
	statuses := make([]mail.Status, len(to))
	if depth > maxDepth {
		for i, r := range to {
			statuses[i].Reply = mail.MailLoop.With(r.Path)
		}
		return statuses, nil
	}
	if len(to) == 0 {
		return nil, nil
	}
	var blob *store.Blob
	told := make(map[occasion][]result)
	for i, p := range d.placer.Place(ctx, m, to) {
		statuses[i] = p.Status
		if !p.Status.OK() {
			continue
		}
		for _, in := range p.Into {
			if blob == nil {
				var err error
				if blob, err = d.put(ctx, withReturnPath(m)); err != nil {
					return nil, err
				}
			}
			in.Blob = blob
			d.change.Append = append(d.change.Append, in)
		}
		if len(p.Into) > 0 || len(p.Onward) == 0 {
			d.record(m, "delivered", to[i], p.Status).Detail = p.Detail
		}
		for _, where := range p.Withheld {
			d.record(m, "withheld", mail.Recipient{Path: where}, mail.Status{Reply: mail.JunkStays.With(to[i].Path)})
		}
		for _, onward := range p.Onward {
			onward = unique(onward, m)
			if receipt(p) == report.Expanded && wantsSuccess(m.Envelope, m.Origin, to[i]) {
				onward = withoutReceipt(onward)
			}
			e := d.record(m, "forwarded", to[i], p.Status)
			e.Linked, e.Detail = onward.QueueID, addresses(onward.To)
			if err := d.route(ctx, onward, depth+1); err != nil {
				return nil, err
			}
			d.sameName(m, onward)
		}
		if wantsSuccess(m.Envelope, m.Origin, to[i]) {
			if occ := receipt(p); occ != none {
				told[occ] = append(told[occ], result{Delivery: store.Delivery{Recipient: to[i]}, status: p.Status, at: time.Now()})
			}
		}
	}
	for _, occ := range []occasion{report.Delivered, report.Expanded} {
		if len(told[occ]) == 0 {
			continue
		}
		if err := d.report(ctx, about{Mail: m, arrived: time.Now()}, occ, told[occ], depth+1); err != nil {
			return nil, err
		}
	}
	return statuses, nil
}

// receipt is the report that a placement is an occasion for, where one is asked
// for (RFC 3461 §5.2.7): delivered into mailboxes; expanded where an address stands
// for several and some of them are elsewhere; none where it stands for one that is
// elsewhere, for then the wish goes along.
func receipt(p store.Placement) occasion {
	switch n := onwardRecipients(p); {
	case n == 0:
		return report.Delivered
	case n+len(p.Into) > 1:
		return report.Expanded
	}
	return none
}

func onwardRecipients(p store.Placement) (n int) {
	for _, m := range p.Onward {
		n += len(m.To)
	}
	return n
}

// withoutReceipt is mail that goes onward after its sender was told that it does: without the
// wish for a receipt (RFC 3461 §5.2.7.2).
func withoutReceipt(m *mail.Mail) *mail.Mail {
	n := *m
	n.To = slices.Clone(m.To)
	for i := range n.To {
		to := &n.To[i]
		if to.Notify &^= mail.NotifySuccess; to.Notify == 0 {
			to.Notify = mail.NotifyNever
		}
	}
	return &n
}

// withReturnPath is m as it stands in a mailbox: final delivery puts the
// envelope's sender on top (RFC 5321 §4.4).
func withReturnPath(m *mail.Mail) *mail.Mail {
	n := *m
	n.Head = append([]byte("Return-Path: <"+m.From.String()+">\r\n"), m.Head...)
	return &n
}
