package relay

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"posthorn/internal/dns"
	"posthorn/mail"
)

// maxTargets is how many addresses one attempt tries (RFC 5321 §5.1 lets a
// client limit it): a domain with a hundred MX records cannot hold us.
const maxTargets = 10

// maxHosts is how many hosts of a domain are looked at.
const maxHosts = 10

// target is one address to connect to.
type target struct {
	name string // the host's, for TLS and for people
	addr netip.AddrPort

	authentic bool     // DNSSEC proves that it is a mail server of the domain
	tlsa      []string // below which its TLSA records may be, best first; none without DNSSEC
}

// String names it for people, the port only where it is not the usual one.
func (t target) String() string {
	s := "[" + t.addr.Addr().String() + "]"
	if port := t.addr.Port(); port != 25 {
		s += ":" + strconv.Itoa(int(port))
	}
	if _, literal := parseLiteral(t.name); literal || t.name == t.addr.Addr().String() {
		return s
	}
	return t.name + " " + s
}

// targets gives the addresses of a hop in the order to try them, looked up as
// they are needed. A reply instead of a target says why a host, or all of it,
// is passed over.
func (r *Relay) targets(ctx context.Context, h hop) iter.Seq2[target, *mail.Reply] {
	return func(yield func(target, *mail.Reply) bool) {
		hosts, refused := r.hosts(ctx, h)
		if refused != nil {
			yield(target{}, h.patient(refused))
			return
		}
		tried := 0
		for _, host := range hosts {
			ts, refused := r.addresses(ctx, h, host)
			if refused != nil && (!yield(target{name: host.name}, h.patient(refused)) || refused.Is(mail.RouteToSelf)) {
				return // what stands behind us in the list would send it here (RFC 5321 §5.1)
			}
			for _, t := range r.from.order(h.route, ts) {
				if tried++; tried > maxTargets || !yield(t, nil) {
					return
				}
			}
		}
	}
}

// host is a name or address literal with the port to use.
type host struct {
	name      string
	port      uint16
	authentic bool // as target's
}

// hosts are the names to try, best first.
func (r *Relay) hosts(ctx context.Context, h hop) ([]host, *mail.Reply) {
	port := uint16(r.cfg.Port)
	if h.route.smarthost() {
		return smarthosts(h.route)
	}
	if h.backup.Primary != "" {
		return []host{primaryHost(h.backup.Primary, port)}, nil
	}
	if h.domain == "" {
		return nil, refuse(mail.BadRecipient)
	}
	if h.domain[0] == '[' {
		if _, ok := parseLiteral(h.domain); !ok {
			return nil, refuse(mail.BadRecipient)
		}
		return []host{{name: h.domain, port: port}}, nil
	}
	mx, authentic, refused := r.exchangers(ctx, h.domain)
	if refused != nil {
		return nil, refused
	}
	hosts := make([]host, len(mx))
	for i, m := range mx {
		hosts[i] = host{m.Host, port, authentic}
	}
	return hosts, nil
}

// smarthosts are a route's, the first choice first.
func smarthosts(r Route) ([]host, *mail.Reply) {
	var hosts []host
	for _, via := range append([]string{r.Via}, r.Fallback...) {
		name, port, _ := net.SplitHostPort(via) // Config.Check has read it
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, refuse(mail.NoRoute, via)
		}
		hosts = append(hosts, host{name: name, port: uint16(n)})
	}
	return hosts, nil
}

// exchangers is the MX lookup of RFC 5321 §5.1: the domain itself where there
// is no record, nothing where the one record is null (RFC 7505), nothing at or
// behind our own place in the list. It is authentic when DNSSEC proves it.
func (r *Relay) exchangers(ctx context.Context, domain string) (mx []*net.MX, authentic bool, refused *mail.Reply) {
	found, authentic, err := r.dns.MX(ctx, domain)
	var de *net.DNSError
	switch {
	case dns.NoDomain(err):
		return nil, false, refuse(mail.DomainNotFound, domain)
	case errors.As(err, &de) && de.IsNotFound:
		found = []*net.MX{{Host: domain}}
	case err != nil:
		return nil, false, refuse(mail.DNSTemporary, domain)
	}
	self := -1
	for _, m := range found {
		name := strings.ToLower(strings.TrimSuffix(m.Host, "."))
		if name == "" {
			continue
		}
		if name == strings.ToLower(r.hostname) && (self < 0 || int(m.Pref) < self) {
			self = int(m.Pref)
		}
		mx = append(mx, &net.MX{Host: name, Pref: m.Pref})
	}
	if len(mx) == 0 {
		return nil, false, refuse(mail.NullMX, domain)
	}
	if self >= 0 {
		mx = slices.DeleteFunc(mx, func(m *net.MX) bool { return int(m.Pref) >= self })
	}
	if len(mx) == 0 {
		return nil, false, refuse(mail.RouteToSelf, domain)
	}
	rand.Shuffle(len(mx), func(i, j int) { mx[i], mx[j] = mx[j], mx[i] })
	slices.SortStableFunc(mx, func(a, b *net.MX) int { return int(a.Pref) - int(b.Pref) })
	return mx[:min(len(mx), maxHosts)], authentic, nil
}

// addresses are those of a host that may be connected to, IPv4 first: more
// hosts have a working reverse name there. The address of a smarthost and of a
// backup domain's primary is the administrator's choice and is not judged.
func (r *Relay) addresses(ctx context.Context, h hop, host host) ([]target, *mail.Reply) {
	t := target{name: host.name, authentic: host.authentic}
	var found []netip.Addr
	if literal, ok := parseLiteral(host.name); ok {
		found = []netip.Addr{literal}
	} else if a, err := netip.ParseAddr(host.name); err == nil && h.chosen() {
		found = []netip.Addr{a.Unmap()}
	} else {
		known, err := r.dns.Host(ctx, host.name)
		if err == nil {
			t.tlsa, err = r.tlsaBases(ctx, host, known)
		}
		var de *net.DNSError
		switch {
		case errors.As(err, &de) && de.IsNotFound:
			return nil, refuse(mail.NoRoute, h.domain)
		case err != nil:
			return nil, refuse(mail.DNSTemporary, host.name)
		}
		found = plainAddresses(known.Addrs)
	}
	var allowed []target
	var refused *mail.Reply
	for _, a := range found {
		if reply := r.admit(ctx, h, a); reply != nil {
			refused = worst(refused, reply)
			continue
		}
		t.addr = netip.AddrPortFrom(a, host.port)
		allowed = append(allowed, t)
	}
	switch {
	case refused != nil && refused.Is(mail.RouteToSelf):
		return nil, refused // one of its addresses is ours, so it is us
	case len(allowed) > 0:
		return allowed, nil
	case refused == nil:
		refused = refuse(mail.NoRoute, h.domain)
	}
	return nil, refused
}

// worst prefers to know that a host is this one.
func worst(one, other *mail.Reply) *mail.Reply {
	if one != nil && one.Is(mail.RouteToSelf) {
		return one
	}
	return other
}

func plainAddresses(ips []net.IPAddr) []netip.Addr {
	var addrs []netip.Addr
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip.IP); ok {
			addrs = append(addrs, a.Unmap())
		}
	}
	return addrs
}

// tlsaBases are the names below which the TLSA records of a host may be: where
// DNSSEC proves how it came to its addresses, the name behind its aliases and then
// its own; where it proves no more than that the name is an alias, that name (RFC
// 7672 §2.2.2). A host whose name nobody proves has none (§2.2.1).
func (r *Relay) tlsaBases(ctx context.Context, host host, known dns.Host) ([]string, error) {
	switch {
	case !host.authentic:
		return nil, nil
	case known.Authentic && known.Canonical == host.name:
		return []string{host.name}, nil
	case known.Authentic:
		return []string{known.Canonical, host.name}, nil
	case known.Canonical == host.name:
		return nil, nil
	}
	proven, err := r.dns.AliasAuthentic(ctx, host.name)
	if err != nil || !proven {
		return nil, err
	}
	return []string{host.name}, nil
}

// webAddresses are those of a web server that may be connected to: what a
// stranger's zone may not do to us with mail it may not do with a policy either.
func (r *Relay) webAddresses(ctx context.Context, host string) ([]netip.Addr, error) {
	ips, err := r.dns.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, err
	}
	var allowed []netip.Addr
	for _, a := range plainAddresses(ips) {
		if reply := r.judge(a, host); reply == nil || r.cfg.AllowPrivate {
			allowed = append(allowed, a)
		}
	}
	return allowed, nil
}

// parseLiteral reads the address literals of RFC 5321 §4.1.3.
func parseLiteral(s string) (netip.Addr, bool) {
	if len(s) < 2 || s[0] != '[' || s[len(s)-1] != ']' {
		return netip.Addr{}, false
	}
	s = s[1 : len(s)-1]
	if len(s) > 5 && strings.EqualFold(s[:5], "ipv6:") {
		s = s[5:]
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil && a.Zone() == "" // with a zone our own would look like another's
}

func refuse(reply mail.Reply, args ...any) *mail.Reply {
	reply = reply.With(args...)
	return &reply
}
