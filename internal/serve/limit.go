package serve

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Limits bounds the connections open at a time. Zero limits nothing.
type Limits struct {
	Connections   int  `toml:"connections"`    // in all
	PerAddress    int  `toml:"per_address"`    // from one IPv4 address or one IPv6 /64
	LimitLoopback bool `toml:"limit_loopback"` // hold loopback to per_address too
}

// DefaultLimits leave room for an office behind one address, whose mail
// programs open five connections each.
func DefaultLimits() Limits { return Limits{Connections: 5000, PerAddress: 100} }

// A refusal is a courtesy: at most maxRefusals are written at a time, each
// within refusalTime. Whoever comes beyond that is closed without a word.
const (
	maxRefusals = 32
	refusalTime = 2 * time.Second
	tellPause   = time.Minute // between two lines in the log about the same
)

// Limiter counts open connections, of one listener or of several together.
type Limiter struct {
	refusals chan struct{} // a slot for each refusal being written
	last     uint64        // from this descriptor on, all are refused
	log      *slog.Logger

	mu      sync.Mutex // guards what follows
	limits  Limits
	open    int
	from    map[netip.Prefix]int
	told    map[string]time.Time // when the log was told of a reason to refuse
	refused map[string]int       // since then
}

// NewLimiter makes a Limiter that has counted nothing yet. Refusals are logged,
// those for one reason once a minute.
func NewLimiter(l Limits, log *slog.Logger) *Limiter {
	return &Limiter{
		refusals: make(chan struct{}, maxRefusals), last: descriptors(), log: log,
		limits: l, from: map[netip.Prefix]int{}, told: map[string]time.Time{}, refused: map[string]int{},
	}
}

// SetLimits takes effect for connections that come from now on.
func (l *Limiter) SetLimits(limits Limits) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limits = limits
}

// Listener lets through what the limits allow, and nobody to the last file
// descriptors of the process. A connection over a limit gets
// refuse, which says why in its protocol and need not close. Those from proxies
// are for many clients and count as no address of their own, until CountAs
// tells whose they are.
func (l *Limiter) Listener(ln net.Listener, refuse func(net.Conn), proxies ...netip.Prefix) net.Listener {
	return &limited{ln, l, refuse, proxies}
}

// CountAs counts a connection that came from a proxy as one from a, the client
// that the proxy speaks for. It is false when a has as many as it may; then c
// is to be closed. A connection that no Limiter counts is always within limits.
func CountAs(c net.Conn, a netip.Addr) bool {
	counted, ok := c.(*counted)
	return !ok || counted.limiter.rename(counted, a)
}

// Network is what counts as one address: an IPv4 address, or the /64 that a
// single IPv6 customer has to himself. A mapped IPv4 address is IPv4.
func Network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the zero Prefix for the zero Addr
	return p
}

// RemoteAddr is the IP address of c's other end, or the zero Addr where it
// has none, as on a Unix socket.
func RemoteAddr(c net.Conn) netip.Addr {
	if t, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// The reasons to refuse a connection, in the words of the config file.
const (
	overAll         = "limits.connections"
	overAddress     = "limits.per_address"
	overDescriptors = "file descriptors of the process"
)

// admit counts a connection c from a, or says why not. The zero Addr has no
// limit of its own.
func (l *Limiter) admit(c net.Conn, a netip.Addr) (reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case descriptor(c) >= l.last:
		return overDescriptors
	case l.limits.Connections > 0 && l.open >= l.limits.Connections:
		return overAll
	case !l.room(a):
		return overAddress
	}
	l.open++
	l.from[Network(a)]++
	return ""
}

// tell logs a refusal: the first at once, then with the number of those that
// came meanwhile.
func (l *Limiter) tell(reason string, ln net.Listener, peer netip.Addr) {
	l.mu.Lock()
	l.refused[reason]++
	now := time.Now()
	if at, ok := l.told[reason]; ok && now.Sub(at) < tellPause {
		l.mu.Unlock()
		return
	}
	n, open := l.refused[reason], l.open
	l.told[reason], l.refused[reason] = now, 0
	l.mu.Unlock()
	l.log.Warn("connections are refused", "over", reason, "refused", n, "open", open, "listener", ln.Addr().String(), "peer", peer.String())
}

// room tells whether a may have one more. It is called under mu.
func (l *Limiter) room(a netip.Addr) bool {
	exempt := !a.IsValid() || a.Unmap().IsLoopback() && !l.limits.LimitLoopback
	return l.limits.PerAddress <= 0 || exempt || l.from[Network(a)] < l.limits.PerAddress
}

func (l *Limiter) release(c *counted) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	l.forget(c.as)
}

// forget is called under mu.
func (l *Limiter) forget(a netip.Addr) {
	n := Network(a)
	if l.from[n]--; l.from[n] == 0 {
		delete(l.from, n)
	}
}

// rename counts c as one from a.
func (l *Limiter) rename(c *counted, a netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.room(a) {
		return false
	}
	l.forget(c.as)
	c.as = a
	l.from[Network(a)]++
	return true
}

type limited struct {
	net.Listener
	limiter *Limiter
	refuse  func(net.Conn)
	proxies []netip.Prefix
}

// Accept gives the next connection that is within the limits.
func (ln *limited) Accept() (net.Conn, error) {
	for {
		c, err := ln.Listener.Accept()
		if err != nil {
			return nil, err
		}
		a := ln.addr(c)
		reason := ln.limiter.admit(c, a)
		if reason == "" {
			return &counted{Conn: c, limiter: ln.limiter, as: a}, nil
		}
		ln.limiter.tell(reason, ln.Listener, RemoteAddr(c))
		select {
		case ln.limiter.refusals <- struct{}{}:
			go func() { // ends by itself: the deadline bounds refuse
				defer func() { <-ln.limiter.refusals }()
				defer c.Close()
				c.SetDeadline(time.Now().Add(refusalTime))
				ln.refuse(c)
			}()
		default:
			c.Close()
		}
	}
}

// addr is the address that a connection counts for at first: none behind a
// proxy.
func (ln *limited) addr(c net.Conn) netip.Addr {
	a := RemoteAddr(c).WithZone("")
	if slices.ContainsFunc(ln.proxies, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return netip.Addr{}
	}
	return a
}

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	limiter *Limiter
	closed  sync.Once
	as      netip.Addr // the address it counts for; guarded by the limiter's mu
}

func (c *counted) Close() error {
	defer c.closed.Do(func() { c.limiter.release(c) })
	return c.Conn.Close()
}
