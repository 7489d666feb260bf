package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/message"
	"posthorn/store"
)

var sendMail = verb[letter, sent]{"sendmail", (*admin).send}

// sent answers `sendmail`: the queue id when the letter was taken, else why
// not, for each recipient that was refused. A letter is taken for all its
// recipients or for none, so that a script may simply try again.
type sent struct {
	QueueID string    `json:"queue_id,omitempty"`
	Refused []refused `json:"refused,omitempty"`
}

type refused struct {
	Address string     `json:"address,omitempty"`
	Reply   mail.Reply `json:"reply"`
}

// send takes a letter from a program on this machine. Whoever can reach the
// socket or the data folder owns them, so the sender is believed.
func (a *admin) send(ctx context.Context, l letter) (sent, error) {
	m, err := a.envelope(ctx, l)
	if err != nil {
		return refuse("", err)
	}
	var out sent
	for i, r := range m.To {
		release, err := a.verify(ctx, m.From, r, m.FullSize())
		if errors.Is(err, mail.NoSuchMailbox) && strings.EqualFold(r.Path.Local, "root") {
			// What cron has to say must not be lost: where nobody is called
			// root, the domain's administrator is.
			m.To[i].Path.Local = "postmaster"
			release, err = a.verify(ctx, m.From, m.To[i], m.FullSize())
		}
		if err != nil {
			one, err := refuse(r.Path.String(), err)
			if err != nil {
				return sent{}, err
			}
			out.Refused = append(out.Refused, one.Refused...)
			continue
		}
		defer release() // until the letter is kept
	}
	if out.Refused != nil {
		return out, nil
	}
	if err := a.queue.Accept(ctx, m); err != nil {
		return refuse("", err)
	}
	return sent{QueueID: m.QueueID}, nil
}

// refuse gives a foreseen refusal as an answer; anything else stays an error.
func refuse(address string, err error) (sent, error) {
	var r mail.Reply
	if !errors.As(err, &r) {
		return sent{}, err
	}
	return sent{Refused: []refused{{address, r}}}, nil
}

// verify asks about a recipient of ours; others are the queue's to reach.
func (a *admin) verify(ctx context.Context, from mail.Path, r mail.Recipient, size int64) (release func(), err error) {
	local, err := a.mda.Local(ctx, r.Path.Domain)
	if err != nil || !local {
		return func() {}, err
	}
	return a.mda.Verify(ctx, from, r, size)
}

// envelope makes the letter a mail on its way.
func (a *admin) envelope(ctx context.Context, l letter) (*mail.Mail, error) {
	domain, err := a.ownDomain(ctx)
	if err != nil {
		return nil, err
	}
	m := &mail.Mail{QueueID: mail.NewID(), Origin: mail.Origin{Proven: true, Peer: "local", Protocol: "local"}}
	if m.From, err = l.sender(domain); err != nil {
		return nil, err
	}
	if m.To, err = l.recipients(domain); err != nil {
		return nil, err
	}
	if len(m.To) == 0 {
		return nil, usage(errors.New("no recipients"))
	}
	m.UTF8 = !m.From.IsASCII()
	for _, r := range m.To {
		m.UTF8 = m.UTF8 || !r.Path.IsASCII()
	}
	now := time.Now()
	m.Content = mail.Bytes(l.compose(m.From, a.config.Hostname, now))
	// RFC 5321 §4.4; "local" is what RFC 3848 leaves to private agreement.
	m.Head = fmt.Appendf(nil, "Received: by %s (Posthorn, from user %s)\r\n\tid %s; %s\r\n",
		a.config.Hostname, mail.Clean(l.User), m.QueueID, now.Format(message.DateFormat))
	return m, nil
}

// ownDomain completes addresses such as `root`: the host's name where it is a
// domain of ours, else the domain that was added first.
func (a *admin) ownDomain(ctx context.Context) (string, error) {
	ds, err := a.store.Domains(ctx)
	ds = slices.DeleteFunc(ds, func(d store.Domain) bool { return d.Backup })
	if err != nil || len(ds) == 0 {
		return a.config.Hostname, err
	}
	first := ds[0]
	for _, d := range ds {
		if d.Name == a.config.Hostname {
			return d.Name, nil
		}
		if d.Created.Before(first.Created) {
			first = d
		}
	}
	return first.Name, nil
}
