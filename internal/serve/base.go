package serve

import (
	"errors"
	"net"
)

// base is the connection below those that wrap it, as *tls.Conn does.
func base(c net.Conn) net.Conn {
	for {
		over, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return c
		}
		c = over.NetConn()
	}
}

// NetConn is the connection as the listener below accepted it.
func (c *counted) NetConn() net.Conn { return c.Conn }

// CloseWrite tells the client that no more will come (TCP's half close).
func (c *counted) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
