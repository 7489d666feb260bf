package mda

import (
	"context"
	"errors"
	"sync"

	"posthorn/mail"
)

// Verify answers RCPT of mail from a return path: nil when r can be delivered, a mail.Reply why not, or
// an error nobody foresaw. Room for a message of size octets (0: unknown) is
// held in each of r's mailboxes until release, which may be called more than
// once. An alias is full when one of its mailboxes is: refused now, a message
// is complete at its next try.
func (m *MDA) Verify(ctx context.Context, from mail.Path, r mail.Recipient, size int64) (release func(), err error) {
	routes, err := m.resolve(ctx, from, r.Path)
	if err != nil {
		return nil, err
	}
	var held []func()
	release = sync.OnceFunc(func() {
		for _, free := range held {
			free()
		}
	})
	for _, to := range routes.accounts {
		if to.exempt {
			continue
		}
		free, err := m.dir.Reserve(ctx, to.account.ID, size)
		if err != nil {
			release()
			return nil, m.reply(err, r.Path)
		}
		held = append(held, free)
	}
	return release, nil
}

// refused tells a decision from a failure.
func refused(err error) (r mail.Reply, ok bool) {
	ok = errors.As(err, &r)
	return r, ok
}
