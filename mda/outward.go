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

// secrets are the keys of return paths that are given out here. Each is asked of
// the store once: it never changes.
type secrets struct {
	mu  sync.Mutex
	all map[string][]byte // guarded by mu; by name
}

func (m *MDA) secret(ctx context.Context, name string) ([]byte, error) {
	m.secrets.mu.Lock()
	defer m.secrets.mu.Unlock()
	if key, ok := m.secrets.all[name]; ok {
		return key, nil
	}
	key, err := m.dir.Secret(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("key of return paths: %w", err)
	}
	if m.secrets.all == nil {
		m.secrets.all = make(map[string][]byte)
	}
	m.secrets.all[name] = key
	return key, nil
}

// rewriter gives the rewriter of forwarded mail's return paths. That of senders
// whom nothing proves has a key of its own, by which their bounces are known.
func (m *MDA) rewriter(ctx context.Context, proven bool) (srs.Rewriter, error) {
	name := "srs"
	if !proven {
		name = "srs-unproven"
	}
	key, err := m.secret(ctx, name)
	return srs.Rewriter{Key: key}, err
}

// Outward gives the return path with which msg leaves for other hosts; nil means
// its own. Mail that an address of ours sends on leaves from that address's
// domain (SRS): the domain of its sender does not let us use it. Null return
// paths stay null. Senders in domains of ours are tagged (BATV) where that is on
// and it is their mail indeed, else they stay as they are.
func (m *MDA) Outward(ctx context.Context, msg *mail.Mail) (*mail.Path, error) {
	by := msg.Origin.Forwarder
	ours := msg.Origin.Sender() != ""
	if msg.From.IsNull() || !(m.cfg.BATV && ours) && (by.IsNull() || !m.cfg.SRS) {
		return nil, nil
	}
	local, err := m.Local(ctx, msg.From.Domain)
	switch {
	case err != nil:
		return nil, err
	case local && m.cfg.BATV && ours:
		return m.tag(ctx, msg.From)
	case local || by.IsNull() || !m.cfg.SRS:
		return nil, nil
	}
	r, err := m.rewriter(ctx, ours || msg.Origin.Proven)
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

// returnPath is one that was given out for mail that was sent on.
type returnPath struct {
	to     mail.Path // whom it stands for
	proven bool      // they did write that mail
}

// comeBack reads a return path of ours that a bounce is addressed to; nil for
// an address that is none. A refusal is a mail.Reply.
func (m *MDA) comeBack(ctx context.Context, from, p mail.Path) (*returnPath, error) {
	if !srs.Is(p) {
		return nil, nil
	}
	for _, proven := range []bool{true, false} {
		r, err := m.rewriter(ctx, proven)
		if err != nil {
			return nil, err
		}
		to, err := r.Reverse(p, time.Now())
		switch {
		case errors.Is(err, srs.ErrHash):
			continue // of the other key, or of nobody
		case errors.Is(err, srs.ErrForm):
			return nil, nil // somebody's name
		case err != nil:
			return nil, mail.BadReturnPath.With(p)
		case !from.IsNull():
			// Who collects addresses would reach people through us.
			return nil, mail.BouncesOnly.With(p)
		}
		return &returnPath{to, proven}, nil
	}
	return nil, mail.BadReturnPath.With(p)
}
