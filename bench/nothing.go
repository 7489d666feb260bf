package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"time"

	"posthorn/interop/peer"
)

// The server called nothing says what clients want to hear and does none of it.
// What a client reaches with it is the client's own ceiling, which is as true a
// part of a table as the figures of servers. It is a process of its own, so that
// its CPU is not the client's.

const roleNothing = "serve-nothing"

// nothingAt is where it listens.
type nothingAt struct{ SMTP, IMAP, IMAPS, POP3S string }

// serveNothing runs until its input ends, and says on its output where it
// listens.
func serveNothing([]string) error {
	cert, err := passingCertificate()
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	var at nothingAt
	for _, l := range []struct {
		addr  *string
		serve func(c net.Conn)
	}{
		{&at.SMTP, func(c net.Conn) { (&nothingSMTP{nothingConn: newNothingConn(c), tls: config}).serve() }},
		{&at.IMAP, func(c net.Conn) { (&nothingIMAP{newNothingConn(c)}).serve() }},
		{&at.IMAPS, func(c net.Conn) { (&nothingIMAP{newNothingConn(tls.Server(c, config))}).serve() }},
		{&at.POP3S, func(c net.Conn) { (&nothingPOP3{newNothingConn(tls.Server(c, config))}).serve() }},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		*l.addr = ln.Addr().String()
		go func() { // ends with the program
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					l.serve(c)
					c.Close()
				}()
			}
		}()
	}
	if err := json.NewEncoder(os.Stdout).Encode(at); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// nothingConn is a connection whose answers leave when nothing more has come
// in.
type nothingConn struct {
	net.Conn
	r *bufio.Reader
	w *bufio.Writer
}

func newNothingConn(c net.Conn) nothingConn {
	return nothingConn{c, bufio.NewReaderSize(c, 64<<10), bufio.NewWriterSize(c, 64<<10)}
}

// line reads one; it is valid until the next.
func (c *nothingConn) line() ([]byte, error) {
	if c.r.Buffered() == 0 {
		if err := c.w.Flush(); err != nil {
			return nil, err
		}
	}
	return c.r.ReadSlice('\n')
}

// passingCertificate is for a run.
func passingCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: nothing},
		NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// startNothing starts it.
func startNothing() (*peer.Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, roleNothing)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var at nothingAt
	if err := json.NewDecoder(out).Decode(&at); err != nil {
		return nil, fmt.Errorf("%s: %w", roleNothing, err)
	}
	s := &peer.Server{SMTP: at.SMTP, Submission: at.SMTP, IMAP: at.IMAP, IMAPS: at.IMAPS, POP3S: at.POP3S, Domain: domain, Password: password,
		Roots: func() []int { return []int{cmd.Process.Pid} },
		Stop: func() {
			in.Close()
			cmd.Wait()
		}}
	for _, u := range users {
		s.Users = append(s.Users, u+"@"+domain)
	}
	return s, nil
}
