package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"posthorn/internal/serve"
)

// service is one port: a server of floor 4 and how it is reached.
type service struct {
	name     string // as config and logs call it
	address  string // "" for none
	implicit bool   // TLS from the first octet (RFC 8314 §3)
	server   interface {
		Serve(ctx context.Context, ln net.Listener, implicitTLS bool) error
	}
	limiter *serve.Limiter // nil: the server limits by itself
	refuse  func(net.Conn) // what a connection over a limit is told; nil: nothing
}

// listener is a service with its port open.
type listener struct {
	net.Listener
	service service
}

func (l listener) serve(ctx context.Context) error {
	s, ln := l.service, l.Listener
	if s.limiter != nil {
		refuse := s.refuse
		if refuse == nil { // within TLS a word would take a handshake
			refuse = func(net.Conn) {}
		}
		ln = s.limiter.Listener(ln, refuse)
	}
	return s.server.Serve(ctx, ln, s.implicit)
}

// openPorts opens all or none.
func openPorts(services []service) (ls []listener, err error) {
	for _, s := range services {
		if s.address == "" {
			continue
		}
		ln, err := openPort(s.address)
		if err != nil {
			closePorts(ls)
			return nil, listenError(s, err)
		}
		ls = append(ls, listener{ln, s})
	}
	return ls, nil
}

// openPort opens a port or, for a path, a socket. Who may enter the socket's
// folder may connect: its own mode keeps nobody out.
func openPort(address string) (net.Listener, error) {
	if !isPath(address) {
		return net.Listen("tcp", address)
	}
	return openSocket(address, 0o666)
}

func closePorts(ls []listener) {
	for _, l := range ls {
		l.Close()
	}
}

// listenError says what to do about the two failures everybody meets.
func listenError(s service, err error) error {
	err = fmt.Errorf("%s: %w", s.name, err)
	switch {
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w\nports below 1024 need a right: run it by docs/posthorn.service, or give it the right with\n  setcap cap_net_bind_service=+ep PROGRAM\nor set other ports in the config file", err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w\nanother program has the port: ss -ltnp names it", err)
	}
	return err
}
