package dns

import (
	"context"
	"net"
	"strings"

	mdns "github.com/miekg/dns"
)

// Host is what the DNS says of a host's addresses.
type Host struct {
	Addrs     []net.IPAddr // IPv4 first
	Canonical string       // the name that has them, behind all aliases; lower case, no dot at the end
	// Authentic: DNSSEC proves the addresses and the aliases that led to them. A
	// family of addresses that could not be looked up takes nothing from that:
	// else whoever can break a lookup could make a host look unsigned.
	Authentic bool
}

// LookupIPAddr gives the A and AAAA records of host, IPv4 first. An address is
// its own answer, and localhost is never asked for.
func (r *Resolver) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	h, err := r.Host(ctx, host)
	return h.Addrs, err
}

// Host is LookupIPAddr that tells how far the answer can be believed. The error
// is not nil when there is no address.
func (r *Resolver) Host(ctx context.Context, host string) (Host, error) {
	if ip := net.ParseIP(host); ip != nil {
		return Host{Addrs: []net.IPAddr{{IP: ip}}, Canonical: host}, nil
	}
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return Host{Addrs: []net.IPAddr{{IP: net.IPv4(127, 0, 0, 1)}, {IP: net.IPv6loopback}}, Canonical: "localhost"}, nil
	}
	type result struct {
		answer
		err error
	}
	six := make(chan result, 1)
	go func() { // ends by itself: lookup is bounded by ctx and its own timeouts
		a, err := r.lookup(ctx, host, mdns.TypeAAAA)
		six <- result{a, err}
	}()
	four, err := r.lookup(ctx, host, mdns.TypeA)
	s := <-six
	h := Host{Addrs: append(addresses(four.records), addresses(s.records)...), Canonical: canonical(four, s.answer)}
	h.Authentic = (four.authentic || !answered(err)) && (s.authentic || !answered(s.err))
	switch {
	case len(h.Addrs) > 0:
		return h, nil
	case err == nil || s.err != nil && !isNotFound(s.err):
		// The half that failed is the one that matters: it may know an address.
		return Host{}, s.err
	default:
		return Host{}, err
	}
}

// answered tells whether a lookup learned anything.
func answered(err error) bool { return err == nil || isNotFound(err) }

// canonical is the name behind the aliases, by the half that has addresses.
func canonical(four, six answer) string {
	a := four
	if len(a.records) == 0 {
		a = six
	}
	return strings.ToLower(strings.TrimSuffix(a.name, "."))
}

// AliasAuthentic tells whether DNSSEC proves that host is an alias, wherever that
// leads: RFC 7672 §2.2.2 has TLSA records looked up at such a name even where the
// addresses it leads to are not signed.
func (r *Resolver) AliasAuthentic(ctx context.Context, host string) (bool, error) {
	a, err := r.lookup(ctx, host, mdns.TypeCNAME)
	if isNotFound(err) {
		return false, nil
	}
	return a.authentic, err
}

func addresses(records []mdns.RR) []net.IPAddr {
	var addrs []net.IPAddr
	for _, rr := range records {
		switch a := rr.(type) {
		case *mdns.A:
			addrs = append(addrs, net.IPAddr{IP: a.A})
		case *mdns.AAAA:
			addrs = append(addrs, net.IPAddr{IP: a.AAAA})
		}
	}
	return addrs
}
