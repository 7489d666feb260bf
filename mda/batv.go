package mda

import (
	"context"
	"errors"
	"fmt"
	"time"

	"posthorn/mail"
	"posthorn/mail/batv"
)

// tagger tags return paths with the keys of the store.
func (m *MDA) tagger(ctx context.Context) batv.Tagger {
	return batv.Tagger{Key: func(number int64) ([]byte, error) { return m.secret(ctx, fmt.Sprintf("batv-%d", number)) }}
}

// tag gives the return path that mail from an address of ours leaves with; nil
// means its own, for one that does not fit.
func (m *MDA) tag(ctx context.Context, from mail.Path) (*mail.Path, error) {
	if !batv.Fits(from) {
		return nil, nil
	}
	p, err := m.tagger(ctx).Tag(from, time.Now())
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// Untag gives the address that p, in a domain of ours, stands for in mail from a
// return path, which is p itself where it has no tag. Tagged tells whether it has
// one that is good, which proves a bounce. A bounce to a bad or old one is refused
// with a mail.Reply. Other mail reaches the plain address whatever the tag: it
// comes from those who took a return path for an address.
//
// It does not ask whether BATV is on: what was given out before counts.
func (m *MDA) Untag(ctx context.Context, from, p mail.Path) (plain mail.Path, tagged bool, err error) {
	plain, err = m.tagger(ctx).Untag(p, time.Now())
	switch {
	case errors.Is(err, batv.ErrForm):
		return p, false, nil
	case errors.Is(err, batv.ErrMAC), errors.Is(err, batv.ErrExpired):
		if from.IsNull() {
			return p, false, mail.BadReturnPath.With(p)
		}
		return plain, false, nil
	case err != nil:
		return p, false, err
	}
	return plain, true, nil
}
