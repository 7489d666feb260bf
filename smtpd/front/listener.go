package front

import (
	"net"
	"sync"
	"time"
)

// Listener gives go-smtp connections behind a front, and ends them when the
// server shuts down: go-smtp's own Shutdown tells no client.
type Listener struct {
	net.Listener
	cfg *Config

	mu     sync.Mutex
	conns  map[*Conn]struct{}
	drain  bool
	empty  chan struct{} // closed when the last connection has gone after Drain
	closed sync.Once     // guards the closing of empty
}

// Listen puts fronts before the connections of ln.
func Listen(ln net.Listener, cfg Config) *Listener {
	cfg.Limits = cfg.Limits.withDefaults()
	return &Listener{Listener: ln, cfg: &cfg, conns: map[*Conn]struct{}{}, empty: make(chan struct{})}
}

// Accept returns a *Conn.
func (l *Listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := New(nc, l.cfg)
	c.closed = sync.OnceFunc(func() { l.forget(c) })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = struct{}{}
	if l.drain {
		c.Drain()
	}
	return c, nil
}

func (l *Listener) forget(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
	l.settle()
}

// settle closes empty once there is nothing to wait for. It is called under mu.
func (l *Listener) settle() {
	if l.drain && len(l.conns) == 0 {
		l.closed.Do(func() { close(l.empty) })
	}
}

// Drain accepts no more, says 421 to whoever has no transaction open, and
// waits until the others have finished theirs, at most for limit. Who has not
// by then is cut off, and Drain waits for its session to end.
func (l *Listener) Drain(limit time.Duration) {
	l.Listener.Close()
	l.mu.Lock()
	l.drain = true
	for c := range l.conns {
		c.Drain()
	}
	l.settle()
	l.mu.Unlock()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-l.empty:
		return
	case <-t.C:
	}
	l.mu.Lock()
	for c := range l.conns {
		c.raw.Close()
	}
	l.mu.Unlock()
	<-l.empty
}
