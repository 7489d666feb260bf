//go:build !linux

package serve

import "net"

// QuickAck does nothing where the kernel cannot be asked.
func QuickAck(net.Conn) {}
