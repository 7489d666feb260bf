// Package mda delivers here: it says whose mail an address is, whether there
// is room, and what goes into which mailbox or on to another host. It decides
// and writes nothing; the queue commits what Place returns.
//
// It promises: what Verify accepted at RCPT finds room at the end of DATA; an
// account gets one copy however many of its addresses were named; postmaster
// and abuse are always answered (RFC 5321 §4.5.1, RFC 2142) and never full;
// forwarding that goes in circles ends.
//
// Mail that an address sends on to another host goes as it came: no octet is
// changed, so signatures hold. It leaves with a return path of ours that leads
// back to its sender (SRS). Junk is not sent on. Where that is asked for, mail of
// our own leaves with a return path that proves a bounce (BATV).
//
// RFCs: 5321 §3.9 (aliases), 5233 (subaddresses, separated by "+"), 5321 §6.3
// (loops, by the Delivered-To that forwarding adds).
package mda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"posthorn/mail"
	"posthorn/store"
)

// Config is the table [mda].
type Config struct {
	FullMailbox FullMailbox `toml:"full_mailbox"`
	SRS         bool        `toml:"srs"`  // rewrite the return path of mail that is sent on
	BATV        bool        `toml:"batv"` // tag the return path of our own mail
	Hostname    string      `toml:"-"`    // this host's name, whose domain <Postmaster> belongs to
}

// DefaultConfig is what config.example.toml shows.
func DefaultConfig() Config { return Config{FullMailbox: 452, SRS: true} }

// FullMailbox is the code for a mailbox that is full: 452 lets the sender's
// host try for days, 552 makes it give up at once.
type FullMailbox int

// UnmarshalText refuses any other code.
func (f *FullMailbox) UnmarshalText(text []byte) error {
	switch string(text) {
	case "452":
		*f = 452
	case "552":
		*f = 552
	default:
		return fmt.Errorf("full_mailbox is \"452\" or \"552\", not %q", text)
	}
	return nil
}

// MarshalText gives the code.
func (f FullMailbox) MarshalText() ([]byte, error) { return fmt.Append(nil, int(f)), nil }

// directory is what the MDA asks of the store.
type directory interface {
	Address(ctx context.Context, p mail.Path) (store.Address, error)
	Domain(ctx context.Context, name string) (store.Domain, error)
	Domains(ctx context.Context) ([]store.Domain, error)
	Reserve(ctx context.Context, id store.AccountID, size int64) (release func(), err error)
	Secret(ctx context.Context, name string) ([]byte, error)
}

// MDA may be used by any number of sessions.
type MDA struct {
	dir directory
	cfg Config
	log *slog.Logger

	secrets secrets
}

// New makes an MDA over the addresses of st.
func New(st *store.Store, cfg Config, log *slog.Logger) *MDA {
	return &MDA{dir: st, cfg: cfg, log: log}
}

// Local tells whether domain is ours, with its mailboxes here. The empty domain,
// that of <Postmaster>, is.
func (m *MDA) Local(ctx context.Context, domain string) (bool, error) {
	if domain == "" {
		return true, nil
	}
	d, err := m.dir.Domain(ctx, domain)
	switch {
	case err == nil:
		return !d.Backup, nil
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrInvalid):
		return false, nil
	}
	return false, fmt.Errorf("look up domain %s: %w", domain, err)
}
