package front

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"posthorn/internal/serve"
	"posthorn/mail"
)

// proxyV2 begins a header of version 2 of the PROXY protocol.
var proxyV2 = []byte("\r\n\r\n\x00\r\nQUIT\n")

// maxProxyV1 is the longest line of version 1, its CRLF included.
const maxProxyV1 = 107

var errProxy = errors.New("not a PROXY header")

// listed tells whether the peer itself, not whom it speaks for, is in list.
func (c *Conn) listed(list []netip.Prefix) bool {
	if len(list) == 0 {
		return false
	}
	a, err := netip.ParseAddrPort(c.raw.RemoteAddr().String())
	if err != nil {
		return false
	}
	for _, p := range list {
		if p.Contains(a.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// proxied reads the header that a listed peer must send, octet for octet: TLS
// may follow it. From then on the connection counts for the client.
func (c *Conn) proxied() error {
	c.raw.SetReadDeadline(time.Now().Add(c.cfg.Handshake))
	addr, err := readProxy(c.raw)
	if err != nil {
		c.log.Warn("proxy header", "peer", c.remote.String(), "error", err)
		c.dead = true
		return errGone
	}
	c.raw.SetReadDeadline(time.Time{})
	if !addr.IsValid() {
		return nil
	}
	c.remote = net.TCPAddrFromAddrPort(addr)
	if serve.CountAs(c.raw, addr.Addr()) {
		return nil
	}
	if c.cfg.Implicit { // a word would take a handshake
		c.dead = true
		return errGone
	}
	return c.hangup(mail.TooManyConns)
}

// readProxy reads a header of either version. The address is not valid when the
// proxy speaks for itself (LOCAL) or does not know (UNKNOWN).
func readProxy(r io.Reader) (netip.AddrPort, error) {
	b := make([]byte, 12, 16) // shorter than any header
	if _, err := io.ReadFull(r, b); err != nil {
		return netip.AddrPort{}, err
	}
	if bytes.Equal(b, proxyV2) {
		return readProxyV2(r)
	}
	if !bytes.HasPrefix(b, []byte("PROXY ")) {
		return netip.AddrPort{}, errProxy
	}
	for b[len(b)-1] != '\n' {
		if len(b) == maxProxyV1 {
			return netip.AddrPort{}, errProxy
		}
		b = append(b, 0)
		if _, err := io.ReadFull(r, b[len(b)-1:]); err != nil {
			return netip.AddrPort{}, err
		}
	}
	f := strings.Split(strings.TrimSuffix(string(b), crlf), " ")
	if len(f) > 1 && f[1] == "UNKNOWN" {
		return netip.AddrPort{}, nil
	}
	if len(f) != 6 || f[1] != "TCP4" && f[1] != "TCP6" {
		return netip.AddrPort{}, errProxy
	}
	a, err := netip.ParseAddr(f[2])
	port, errPort := strconv.ParseUint(f[4], 10, 16)
	if err != nil || errPort != nil || a.Is4() != (f[1] == "TCP4") {
		return netip.AddrPort{}, errProxy
	}
	return netip.AddrPortFrom(a, uint16(port)), nil
}

func readProxyV2(r io.Reader) (netip.AddrPort, error) {
	var head [4]byte // version and command, family, length
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return netip.AddrPort{}, err
	}
	b := make([]byte, binary.BigEndian.Uint16(head[2:]))
	if _, err := io.ReadFull(r, b); err != nil {
		return netip.AddrPort{}, err
	}
	const local, proxy, tcp4, tcp6 = 0x20, 0x21, 0x11, 0x21
	switch {
	case head[0] == local:
		return netip.AddrPort{}, nil
	case head[0] != proxy:
		return netip.AddrPort{}, errProxy
	case head[1] == tcp4 && len(b) >= 12:
		a, _ := netip.AddrFromSlice(b[:4])
		return netip.AddrPortFrom(a, binary.BigEndian.Uint16(b[8:])), nil
	case head[1] == tcp6 && len(b) >= 36:
		a, _ := netip.AddrFromSlice(b[:16])
		return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(b[32:])), nil
	}
	return netip.AddrPort{}, nil // a family that has no address we could use
}

// runSpoofed hangs up on a peer that claims to speak for another and is not
// listed.
func (c *Conn) runSpoofed(_ *command, _ string) error { return c.hangup(mail.NotTrusted) }

func (c *Conn) isSpoofedProxy(b []byte) bool { return bytes.HasSuffix(proxyV2, b) && len(b) > 2 }

// early looks for a client that talks before the greeting (RFC 5321 §3.1), as
// only programs do that do not listen.
func (c *Conn) early() error {
	if c.cfg.GreetPause <= 0 {
		return nil
	}
	c.raw.SetReadDeadline(time.Now().Add(c.cfg.GreetPause))
	err := c.input.fill()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	case err != nil:
		c.dead = true
		return errGone
	}
	if b := c.input.unread(); bytes.HasPrefix(b, []byte("PROXY ")) || bytes.HasPrefix(b, proxyV2) {
		return c.hangup(mail.NotTrusted)
	}
	return c.hangup(mail.EarlyTalker)
}
