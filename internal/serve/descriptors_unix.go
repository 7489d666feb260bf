//go:build unix

package serve

import (
	"net"
	"syscall"
)

// reserved descriptors are for files, the database and the administrator: with
// none left, mail could be neither taken nor read, and nobody could look why.
const reserved = 256

// descriptor is the number of c's file descriptor: the lowest that was free,
// so it counts all that are open. It is 0 where c has none.
func descriptor(c net.Conn) (n uint64) {
	raw, ok := c.(syscall.Conn)
	if !ok {
		return 0
	}
	rc, err := raw.SyscallConn()
	if err != nil {
		return 0
	}
	rc.Control(func(fd uintptr) { n = uint64(fd) })
	return n
}

// descriptors is how many the process may have less those reserved, at least
// half of them. The Go runtime has raised the soft limit before main.
func descriptors() uint64 {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 1 << 62
	}
	n := uint64(l.Cur)
	return max(n-min(n, reserved), n/2)
}
