package mda

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"posthorn/mail"
	"posthorn/mail/srs"
)

// returns are the keys of return paths that are given out here. They are asked
// of the store once: they never change.
type returns struct {
	mu  sync.Mutex
	srs *srs.Rewriter // guarded by mu; nil until it was read
}

// rewriter gives the rewriter of forwarded mail's return paths.
func (m *MDA) rewriter(ctx context.Context) (srs.Rewriter, error) {
	m.returns.mu.Lock()
	defer m.returns.mu.Unlock()
	if m.returns.srs == nil {
		key, err := m.dir.Secret(ctx, "srs")
		if err != nil {
			return srs.Rewriter{}, fmt.Errorf("key of return paths: %w", err)
		}
		m.returns.srs = &srs.Rewriter{Key: key}
	}
	return *m.returns.srs, nil
}

// Outward gives the return path with which msg leaves for other hosts; nil means
// its own. Mail that an address of ours sends on leaves from that address's
// domain (SRS): the domain of its sender does not let us use it. Null return
// paths stay null, and senders in domains of ours stay as they are.
func (m *MDA) Outward(ctx context.Context, msg *mail.Mail) (*mail.Path, error) {
	by := msg.Origin.Forwarder
	if by.IsNull() || msg.From.IsNull() || !m.cfg.SRS {
		return nil, nil
	}
	local, err := m.Local(ctx, msg.From.Domain)
	if err != nil || local {
		return nil, err
	}
	r, err := m.rewriter(ctx)
	if err != nil {
		return nil, err
	}
	p, ok := r.Forward(msg.From, by.Domain, time.Now())
	if !ok {
		// Nobody would take it. Without a return path nobody is told of a failure
		// there, but the mail arrives.
		m.log.Warn("return path is too long to be rewritten", "queue_id", msg.QueueID, "from", msg.From.String())
		return &mail.Path{}, nil
	}
	return &p, nil
}

// comeBack gives the address that a bounce to a return path of ours goes on to;
// false for an address that is none. A refusal is a mail.Reply.
func (m *MDA) comeBack(ctx context.Context, from, p mail.Path) (mail.Path, bool, error) {
	if !srs.Is(p) {
		return p, false, nil
	}
	r, err := m.rewriter(ctx)
	if err != nil {
		return p, false, err
	}
	to, err := r.Reverse(p, time.Now())
	switch {
	case errors.Is(err, srs.ErrForm):
		return p, false, nil // somebody's name
	case err != nil:
		return p, false, mail.BadReturnPath.With(p)
	case !from.IsNull():
		// Who collects addresses would reach people through us.
		return p, false, mail.BouncesOnly.With(p)
	}
	return to, true, nil
}
