package serve

import (
	"net"
	"syscall"
)

// QuickAck has the kernel acknowledge at once what has come and what comes
// next on c. It is for the moment in which a client was asked for more: one
// that sends it in two small pieces (a literal, then its line end) holds the
// second back until the first is acknowledged (Nagle, RFC 1122 §4.2.3.4), and
// the kernel delays that by 40 ms (§4.2.3.2) in the hope of data to send with
// it. The kernel goes back to delaying by itself.
func QuickAck(c net.Conn) {
	raw, ok := base(c).(syscall.Conn)
	if !ok {
		return
	}
	rc, err := raw.SyscallConn()
	if err != nil {
		return
	}
	rc.Control(func(fd uintptr) { // an error means no more than the delay
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	})
}
