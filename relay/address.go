package relay

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"posthorn/mail"
)

// Networks that no other host's mail server can be in, beyond those that netip
// knows: the IANA registries of special-purpose addresses say so.
var nowhere = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),      // this network
	netip.MustParsePrefix("100.64.0.0/10"),  // the carriers' own (RFC 6598)
	netip.MustParsePrefix("192.0.0.0/24"),   // protocol assignments (RFC 6890)
	netip.MustParsePrefix("198.18.0.0/15"),  // benchmarks (RFC 2544)
	netip.MustParsePrefix("240.0.0.0/4"),    // reserved
	netip.MustParsePrefix("::/96"),          // IPv4-compatible (RFC 4291 §2.5.5.1)
	netip.MustParsePrefix("64:ff9b:1::/48"), // local translation (RFC 8215)
	netip.MustParsePrefix("100::/64"),       // discard (RFC 6666)
	netip.MustParsePrefix("fec0::/10"),      // site-local (RFC 3879)
}

var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	sixTo4 = netip.MustParsePrefix("2002::/16")    // RFC 3056
	teredo = netip.MustParsePrefix("2001::/32")    // RFC 4380
)

// within is the IPv4 address that a stands for, when it is one of a translated
// network: what may not be connected to directly may not by a detour.
func within(a netip.Addr) netip.Addr {
	a = a.Unmap()
	if !a.Is6() {
		return a
	}
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:]))
	case sixTo4.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	case teredo.Contains(a): // the client's address is inverted
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})
	}
	return a
}

// judge says why an address that the DNS named is not connected to: a stranger's
// zone must not make this host talk to itself or to its own network.
func (r *Relay) judge(a netip.Addr, domain string) *mail.Reply {
	a = within(a)
	switch {
	case r.ours[a]:
		return refuse(mail.RouteToSelf, domain)
	case a.IsLoopback() || !a.IsGlobalUnicast() || a.IsPrivate():
		return refuse(mail.PrivateRoute, domain)
	}
	for _, p := range nowhere {
		if p.Contains(a) {
			return refuse(mail.PrivateRoute, domain)
		}
	}
	return nil
}

// admit is judge for a hop. A host that the administrator named may be anywhere.
// Where private addresses are allowed those of loopback are too, and our own
// others are not: mail would go in circles.
func (r *Relay) admit(ctx context.Context, h hop, a netip.Addr) *mail.Reply {
	switch {
	case h.chosen():
		return nil
	case r.cfg.AllowPrivate && a.IsLoopback():
		return nil
	case r.ours[within(a)] || r.outer.has(ctx, r, within(a)):
		return refuse(mail.RouteToSelf, h.domain)
	case r.cfg.AllowPrivate:
		return nil
	}
	return r.judge(a, h.domain)
}

// outer are the addresses of our name in the DNS: those that a host behind
// address translation does not see on itself.
type outer struct {
	mu    sync.Mutex
	known map[netip.Addr]bool // guarded by mu
	until time.Time           // guarded by mu
}

// outerFor is how long they are believed, outerAgain when they are asked for
// again that could not be found.
const (
	outerFor   = 10 * time.Minute
	outerAgain = time.Minute
)

func (o *outer) has(ctx context.Context, r *Relay, a netip.Addr) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); now.After(o.until) {
		o.until = now.Add(outerAgain) // others go by what is known; nobody waits for the DNS twice
		o.mu.Unlock()
		host, err := r.dns.Host(ctx, r.hostname)
		o.mu.Lock()
		if err == nil {
			o.until, o.known = now.Add(outerFor), make(map[netip.Addr]bool)
			for _, found := range plainAddresses(host.Addrs) {
				o.known[found] = !found.IsLoopback()
			}
		}
	}
	return o.known[a]
}
