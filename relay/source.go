package relay

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// sourceNone switches a family off.
const sourceNone = "none"

// checkSource judges the value of source_ipv4 or source_ipv6.
func checkSource(key, value string, v6 bool) error {
	if value == "" || value == sourceNone {
		return nil
	}
	a, err := netip.ParseAddr(value)
	if err != nil || a.Zone() != "" || a.Is4In6() || a.Is6() != v6 {
		return fmt.Errorf(`%s: %q is not an address of this family, "none" or empty`, key, value)
	}
	return nil
}

// sources judges both, and wants one of the families.
func checkSources(prefix, v4, v6 string) error {
	if err := checkSource(prefix+"source_ipv4", v4, false); err != nil {
		return err
	}
	if v4 == sourceNone && v6 == sourceNone {
		return fmt.Errorf("%ssource_ipv4: without IPv4 and IPv6 nothing can be sent", prefix)
	}
	return checkSource(prefix+"source_ipv6", v6, true)
}

// CheckSources tells which addresses that connections are to come from this host
// does not have, each as Check does.
func (c Config) CheckSources() (wrong []error) {
	own, err := interfaceAddresses()
	if err != nil {
		return nil // nobody can tell
	}
	look := func(prefix string, values ...string) {
		for i, v := range values {
			if a, err := netip.ParseAddr(v); err == nil && !slices.Contains(own, a) {
				wrong = append(wrong, fmt.Errorf("%ssource_ipv%d: %s is no address of this host: nothing can be sent from it", prefix, 4+2*i, a))
			}
		}
	}
	look("relay.", c.SourceIPv4, c.SourceIPv6)
	for i, r := range c.Routes {
		look(fmt.Sprintf("route %d: ", i+1), r.SourceIPv4, r.SourceIPv6)
	}
	return wrong
}

func interfaceAddresses() ([]netip.Addr, error) {
	addrs, err := net.InterfaceAddrs()
	var own []netip.Addr
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, p.Addr().Unmap())
		}
	}
	return own, err
}

// sources chooses where connections come from.
type sources struct {
	v4, v6 string // as configured, for routes that say nothing

	mu         sync.Mutex
	has4, has6 bool      // guarded by mu: an address that reaches beyond this host
	until      time.Time // guarded by mu
}

// familiesFor is how long the interfaces are believed to be as they are.
const familiesFor = time.Minute

// configured is the value that counts for a route and an address's family.
func (s *sources) configured(r Route, a netip.Addr) string {
	own, general := r.SourceIPv4, s.v4
	if a.Is6() {
		own, general = r.SourceIPv6, s.v6
	}
	if own != "" {
		return own
	}
	return general
}

// local is the address to connect to a from; nil leaves it to the system.
func (s *sources) local(r Route, a netip.Addr) net.Addr {
	source, err := netip.ParseAddr(s.configured(r, a))
	if err != nil || a.IsLoopback() && !source.IsLoopback() {
		return nil // nothing else reaches loopback
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
}

// order takes away targets of a family that this host has no address of, or
// that is switched off, and leaves the rest as it is. When none would be left
// all stay: trying them tells why it does not work.
func (s *sources) order(r Route, ts []target) []target {
	usable := slices.DeleteFunc(slices.Clone(ts), func(t target) bool { return !s.usable(r, t.addr.Addr()) })
	if len(usable) == 0 {
		return ts
	}
	return usable
}

func (s *sources) usable(r Route, a netip.Addr) bool {
	if s.configured(r, a) == sourceNone {
		return false
	}
	if a.IsLoopback() {
		return true
	}
	has4, has6 := s.families()
	if a.Is6() {
		return has6
	}
	return has4
}

// families tells which this host has an address of; both, when it seems to have
// none at all.
func (s *sources) families() (v4, v6 bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); now.After(s.until) {
		s.until, s.has4, s.has6 = now.Add(familiesFor), false, false
		own, _ := interfaceAddresses() // none known: both are tried
		for _, a := range own {
			if a.IsGlobalUnicast() {
				s.has4, s.has6 = s.has4 || a.Is4(), s.has6 || a.Is6()
			}
		}
		if !s.has4 && !s.has6 {
			s.has4, s.has6 = true, true
		}
	}
	return s.has4, s.has6
}
