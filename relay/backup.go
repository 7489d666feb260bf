package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/store"
)

// Backups is what the store knows about the domains this host keeps mail for.
// *store.Store is one.
type Backups interface {
	Domain(ctx context.Context, name string) (store.Domain, error)
	Taken(ctx context.Context, p mail.Path, after time.Time) (time.Time, error)
	SetTaken(ctx context.Context, p mail.Path, at, after time.Time) error
	NotTaken(ctx context.Context, p mail.Path) error
}

// The values of Config.BackupUnverified.
const (
	unverifiedDefer  = "defer"
	unverifiedAccept = "accept"
)

// backup is the backup domain of that name, zero when there is none.
func (r *Relay) backup(ctx context.Context, domain string) (store.Domain, error) {
	if r.backups == nil || domain == "" || domain[0] == '[' {
		return store.Domain{}, nil
	}
	d, err := r.backups.Domain(ctx, domain)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrInvalid):
		return store.Domain{}, nil
	case err != nil:
		return store.Domain{}, fmt.Errorf("look up domain %s: %w", domain, err)
	case !d.Backup:
		return store.Domain{}, nil
	}
	return d, nil
}

// Keep is how long mail to a domain is tried, 0 for as long as any other.
func (r *Relay) Keep(ctx context.Context, domain string) (time.Duration, error) {
	d, err := r.backup(ctx, domain)
	switch {
	case err != nil || !d.Backup:
		return 0, err
	case d.Keep > 0:
		return d.Keep, nil
	}
	return time.Duration(r.cfg.BackupKeep), nil
}

// chosen tells whether the administrator named the host, and not the DNS.
func (h hop) chosen() bool { return h.route.smarthost() || h.backup.Primary != "" }

// patient makes what is wrong with a backup domain's way temporary: its mail is
// kept for as long as was promised, whatever the DNS says meanwhile.
func (h hop) patient(refused *mail.Reply) *mail.Reply {
	if h.backup.Backup && refused.Permanent() {
		return refuse(mail.NoPrimary, h.domain)
	}
	return refused
}

// CheckPrimary tells what is wrong with a Domain.Primary.
func CheckPrimary(s string) error {
	h := primaryHost(s, 25)
	_, err := mail.ParsePath("postmaster@" + h.name)
	if _, notIP := netip.ParseAddr(h.name); s != "" && err != nil && notIP != nil || strings.ContainsAny(h.name, "[]") {
		return fmt.Errorf("%q is neither HOST nor HOST:PORT", s)
	}
	return nil
}

// primaryHost reads Domain.Primary: a name or address, perhaps with a port.
func primaryHost(s string, port uint16) host {
	if name, p, err := net.SplitHostPort(s); err == nil {
		if n, err := strconv.ParseUint(p, 10, 16); err == nil {
			return host{name: name, port: uint16(n)}
		}
	}
	return host{name: s, port: port}
}
