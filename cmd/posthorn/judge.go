package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// judge finds the mistakes that the decoder cannot see, all of them.
func (c *Config) judge(file string, data []byte) error {
	var all []error
	mistake := func(key string, nth int, format string, args ...any) {
		all = append(all, configError{file, lineOf(data, key, nth), key, fmt.Sprintf(format, args...)})
	}
	if _, err := parseDomain(c.Hostname); err != nil {
		mistake("hostname", 0, "%v", err)
	}
	if c.DataDir == "" {
		mistake("data_dir", 0, "a data folder is needed")
	}
	for _, a := range c.addresses() {
		if err := checkListen(a.address); err != nil {
			mistake(a.key, 0, "%v", err)
		}
	}
	switch {
	case c.TLS.Certificate == "" && c.TLS.Key != "":
		mistake("tls.key", 0, "there is no certificate to it")
	case c.TLS.Certificate != "" && c.TLS.Key == "":
		mistake("tls.certificate", 0, "there is no key to it")
	}
	if r := c.DNS.Resolver; r != "" && r != "none" && !isHostPort(r) {
		mistake("dns.resolver", 0, `%q is not HOST:PORT, "none" or empty`, r)
	}
	if f := c.Log.Format; f != "text" && f != "json" {
		mistake("log.format", 0, `%q is not "text" or "json"`, f)
	}
	for _, err := range []error{c.relay().Check(), c.Queue.Check()} {
		if err != nil {
			key, nth, what := splitCheck(err)
			mistake(key, nth, "%s", what)
		}
	}
	return errors.Join(all...)
}

// splitCheck takes the key off an error of a package's own Check, which begins
// with "relay.port: " or, for the nth route counted from one, "route n: ".
func splitCheck(err error) (key string, nth int, what string) {
	key, what, _ = strings.Cut(err.Error(), ": ")
	if table, n, ok := strings.Cut(key, " "); ok {
		if nth, err := strconv.Atoi(n); err == nil {
			return table, nth - 1, what
		}
	}
	return key, 0, what
}

type listenKey struct{ key, address string }

// addresses are all the keys that say where to listen.
func (c *Config) addresses() []listenKey {
	return []listenKey{
		{"smtp.listen", c.SMTP.Listen}, {"smtp.listen_tls", c.SMTP.ListenTLS},
		{"submission.listen", c.Submission.Listen}, {"submission.listen_tls", c.Submission.ListenTLS},
		{"imap.listen", c.IMAP.Listen}, {"imap.listen_tls", c.IMAP.ListenTLS},
		{"pop3.listen", c.POP3.Listen}, {"pop3.listen_tls", c.POP3.ListenTLS},
	}
}

func checkListen(address string) error {
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || n > 65535 {
		return fmt.Errorf(`%q is not an address to listen on, such as ":25" or "127.0.0.1:2525"`, address)
	}
	return nil
}

func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	return err == nil && host != "" && port != ""
}
