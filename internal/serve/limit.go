package serve

import (
	"net"
	"net/netip"
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
)

// Limiter counts open connections, of one listener or of several together.
type Limiter struct {
	refusals chan struct{} // a slot for each refusal being written

	mu     sync.Mutex // guards what follows
	limits Limits
	open   int
	from   map[netip.Prefix]int
}

// NewLimiter makes a Limiter that has counted nothing yet.
func NewLimiter(l Limits) *Limiter {
	return &Limiter{refusals: make(chan struct{}, maxRefusals), limits: l, from: map[netip.Prefix]int{}}
}

// SetLimits takes effect for connections that come from now on.
func (l *Limiter) SetLimits(limits Limits) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limits = limits
}

// Listener lets through what the limits allow. A connection over a limit gets
// refuse, which says why in its protocol and need not close.
func (l *Limiter) Listener(ln net.Listener, refuse func(net.Conn)) net.Listener {
	return &limited{ln, l, refuse}
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

// admit counts a connection from a, or says no.
func (l *Limiter) admit(a netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := Network(a)
	if l.limits.Connections > 0 && l.open >= l.limits.Connections {
		return false
	}
	exempt := !a.IsValid() || a.Unmap().IsLoopback() && !l.limits.LimitLoopback
	if l.limits.PerAddress > 0 && !exempt && l.from[n] >= l.limits.PerAddress {
		return false
	}
	l.open++
	l.from[n]++
	return true
}

func (l *Limiter) release(a netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := Network(a)
	l.open--
	if l.from[n]--; l.from[n] == 0 {
		delete(l.from, n)
	}
}

type limited struct {
	net.Listener
	limiter *Limiter
	refuse  func(net.Conn)
}

// Accept gives the next connection that is within the limits.
func (ln *limited) Accept() (net.Conn, error) {
	for {
		c, err := ln.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if a := RemoteAddr(c); ln.limiter.admit(a) {
			return &counted{Conn: c, release: sync.OnceFunc(func() { ln.limiter.release(a) })}, nil
		}
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

// counted is a connection that is counted until it is closed.
type counted struct {
	net.Conn
	release func()
}

func (c *counted) Close() error {
	defer c.release()
	return c.Conn.Close()
}
