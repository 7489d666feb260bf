package mda

import (
	"context"
	"fmt"
	"io"
	"strings"

	"posthorn/mail"
	"posthorn/message"
	"posthorn/store"
)

// maxHeader bounds how much of a header is searched for Delivered-To.
const maxHeader = 1 << 20

// Place decides for each recipient what happens to m: one Placement each, in
// order. Over all of them an account gets one copy and a foreign address one
// message. Room is not judged here: Verify has promised it.
func (m *MDA) Place(ctx context.Context, msg *mail.Mail, to []mail.Recipient) []store.Placement {
	p := placing{m: m, msg: msg, accounts: map[store.AccountID]bool{}, onward: map[mail.Path]bool{}}
	all := make([]store.Placement, len(to))
	for i, r := range to {
		placement, err := p.place(ctx, r)
		if err != nil {
			reply, foreseen := mail.ReplyTo(err)
			if !foreseen {
				m.log.Error("cannot deliver", "queue_id", msg.QueueID, "to", r.Path.String(), "error", err)
			}
			placement = store.Placement{Status: mail.Status{Reply: reply}}
		}
		all[i] = placement
	}
	return all
}

// placing is one Place.
type placing struct {
	m        *MDA
	msg      *mail.Mail
	accounts map[store.AccountID]bool // that have their copy
	onward   map[mail.Path]bool       // foreign addresses that have theirs, in key form

	passed map[string]bool // Delivered-To of the message; nil until it was read
}

func (p *placing) place(ctx context.Context, r mail.Recipient) (store.Placement, error) {
	routes, err := p.m.resolve(ctx, p.msg.From, r.Path)
	if err != nil {
		if reply, ok := refused(err); ok {
			return store.Placement{}, reply
		}
		return store.Placement{}, p.m.reply(err, r.Path)
	}
	if !routes.unproven.IsNull() {
		return store.Placement{}, mail.NeverWrote.With(routes.unproven)
	}
	placement := store.Placement{Status: mail.Status{Reply: mail.Delivered}}
	if p.msg.Junk() {
		if len(routes.accounts) == 0 {
			return store.Placement{}, mail.JunkStays.With(r.Path)
		}
		for _, f := range routes.onward {
			placement.Withheld = append(placement.Withheld, f.to)
		}
	} else if placement.Onward, err = p.forward(r, routes); err != nil {
		return store.Placement{}, err
	}
	role, box := store.RoleInbox, "INBOX"
	if p.msg.Junk() {
		role, box = store.RoleJunk, "Junk"
	}
	var where []string
	for _, t := range routes.accounts {
		if p.accounts[t.account.ID] {
			continue
		}
		p.accounts[t.account.ID] = true
		placement.Into = append(placement.Into, store.Incoming{Account: t.account.ID, Role: role, Overdraw: true})
		where = append(where, box+" of "+t.account.Login)
	}
	placement.Detail = strings.Join(where, ", ")
	return placement, nil
}

// forward makes the messages that go on to other hosts, one for each address
// of ours that leads there.
func (p *placing) forward(r mail.Recipient, to routes) ([]*mail.Mail, error) {
	var all []*mail.Mail
	var last mail.Path
	for _, f := range to.onward {
		looped, err := p.hasPassed(f.by)
		if err != nil {
			return nil, err
		}
		if looped {
			return nil, mail.MailLoop.With(fmt.Sprintf("it has been forwarded by %s before", f.by))
		}
		if p.onward[f.to.Key()] {
			continue
		}
		p.onward[f.to.Key()] = true
		if len(all) == 0 || f.by != last {
			all = append(all, p.onwardMail(f.by, to.returned))
			last = f.by
		}
		next := all[len(all)-1]
		next.To = append(next.To, recipient(r, f.to))
		next.UTF8 = next.UTF8 || !f.to.IsASCII()
	}
	return all, nil
}

// onwardMail is the message as it leaves again: with Delivered-To, by which we
// know it when it comes back. Who sends it on answers for it, but for a bounce
// that only passes.
func (p *placing) onwardMail(by mail.Path, returned bool) *mail.Mail {
	next := *p.msg
	if !returned {
		next.Origin.Forwarder = by
	}
	next.QueueID = mail.NewID()
	next.To = nil
	next.Head = append(fmt.Appendf(nil, "Delivered-To: %s\r\n", by), p.msg.Head...)
	return &next
}

// recipient is r with another address; the sender's report names the one he
// wrote (RFC 3461 §5.2.7.1).
func recipient(r mail.Recipient, to mail.Path) mail.Recipient {
	if r.ORCPT == "" && r.Path.IsASCII() {
		r.ORCPT = "rfc822;" + r.Path.String()
	}
	r.Path = to
	return r
}

// hasPassed tells whether the message was forwarded by this address before.
func (p *placing) hasPassed(by mail.Path) (bool, error) {
	if p.passed == nil {
		r, err := p.msg.Content.Open()
		if err != nil {
			return false, fmt.Errorf("look for loops: %w", err)
		}
		defer r.Close()
		start, err := io.ReadAll(io.LimitReader(r, maxHeader))
		if err != nil {
			return false, fmt.Errorf("look for loops: %w", err)
		}
		p.passed = map[string]bool{}
		for _, v := range message.ParseHeader(start).All("Delivered-To") {
			if to, err := mail.ParsePath(v); err == nil {
				p.passed[to.Key().String()] = true
			}
		}
	}
	return p.passed[by.String()], nil
}
