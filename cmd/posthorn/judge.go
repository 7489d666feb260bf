package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// judgement collects the mistakes in a config file.
type judgement struct {
	file     string
	data     []byte
	mistakes []configError
}

// mistake is one at a key; nth counts the entries of an array of tables.
func (j *judgement) mistake(key string, nth int, format string, args ...any) {
	line := lineOf(j.data, key, nth)
	if i := strings.LastIndex(key, "."); i >= 0 && line == 0 { // the key is missing in its table
		line = lineOf(j.data, key[:i], nth)
	}
	j.mistakes = append(j.mistakes, configError{j.file, line, key, fmt.Sprintf(format, args...)})
}

// err joins the mistakes in the order of the file.
func (j *judgement) err() error {
	slices.SortStableFunc(j.mistakes, func(a, b configError) int { return cmp.Compare(a.line, b.line) })
	var all []error
	for _, m := range j.mistakes {
		all = append(all, m)
	}
	return errors.Join(all...)
}

// judge finds the mistakes that the decoder cannot see, all of them.
func (c *Config) judge(file string, data []byte) error {
	j := &judgement{file: file, data: data}
	if _, err := parseDomain(c.Hostname); err != nil {
		j.mistake("hostname", 0, "%v", err)
	}
	if c.DataDir == "" {
		j.mistake("data_dir", 0, "a data folder is needed")
	}
	c.judgeAddresses(j)
	switch {
	case c.TLS.Certificate == "" && c.TLS.Key != "":
		j.mistake("tls.key", 0, "there is no certificate to it")
	case c.TLS.Certificate != "" && c.TLS.Key == "":
		j.mistake("tls.certificate", 0, "there is no key to it")
	}
	if r := c.DNS.Resolver; r != "" && r != "none" && !isHostPort(r) {
		j.mistake("dns.resolver", 0, `%q is not HOST:PORT, "none" or empty`, r)
	}
	if f := c.Log.Format; f != "text" && f != "json" {
		j.mistake("log.format", 0, `%q is not "text" or "json"`, f)
	}
	if c.MDA.BATV && !c.Check.Reports {
		j.mistake("mda.batv", 0, "it is [check] reports that looks at the tags, which is off")
	}
	c.judgeNumbers(j)
	for _, err := range []error{c.relay().Check(), c.Queue.Check(), c.Auth.OIDC.Check()} {
		if err != nil {
			key, nth, what := splitCheck(err)
			j.mistake(key, nth, "%s", what)
		}
	}
	return j.err()
}

// splitCheck takes the key off an error of a package's own Check, which begins
// with "relay.port: " or, for the nth route counted from one, "route n: " and
// perhaps the key in it.
func splitCheck(err error) (key string, nth int, what string) {
	key, what, _ = strings.Cut(err.Error(), ": ")
	table, n, ok := strings.Cut(key, " ")
	if !ok {
		return key, 0, what
	}
	if nth, err = strconv.Atoi(n); err != nil {
		return key, 0, what
	}
	if in, rest, ok := strings.Cut(what, ": "); ok && !strings.Contains(in, " ") {
		return table + "." + in, nth - 1, rest
	}
	return table, nth - 1, what
}

type listenKey struct{ key, address string }

// addresses are all the keys that say where to listen.
func (c *Config) addresses() []listenKey {
	return []listenKey{
		{"smtp.listen", c.SMTP.Listen}, {"smtp.listen_tls", c.SMTP.ListenTLS},
		{"submission.listen", c.Submission.Listen}, {"submission.listen_tls", c.Submission.ListenTLS},
		{"lmtp.listen", c.LMTP.Listen},
		{"imap.listen", c.IMAP.Listen}, {"imap.listen_tls", c.IMAP.ListenTLS},
		{"pop3.listen", c.POP3.Listen}, {"pop3.listen_tls", c.POP3.ListenTLS},
	}
}

// judgeAddresses wants each to be one, and no two the same.
func (c *Config) judgeAddresses(j *judgement) {
	taken := map[string]string{}
	for _, a := range c.addresses() {
		check := checkListen
		if a.key == "lmtp.listen" {
			check = checkLMTP
		}
		if err := check(a.address); err != nil {
			j.mistake(a.key, 0, "%v", err)
			continue
		}
		if other := taken[a.address]; other != "" {
			j.mistake(a.key, 0, "%s listens on %s already", other, a.address)
		}
		if a.address != "" && !strings.HasSuffix(a.address, ":0") { // 0 is any free port
			taken[a.address] = a.key
		}
	}
}

func checkListen(address string) error {
	if address == "" {
		return nil
	}
	host, port, err := net.SplitHostPort(address)
	n, perr := strconv.ParseUint(port, 10, 16)
	if err != nil || perr != nil || n > 65535 || !isHost(host) {
		return fmt.Errorf(`%q is not an address to listen on, such as ":25" or "127.0.0.1:2525"`, address)
	}
	return nil
}

// checkLMTP wants a socket or a loopback address: who may speak LMTP delivers
// without being judged (RFC 2033 §5).
func checkLMTP(address string) error {
	if address == "" || isPath(address) {
		return nil
	}
	if err := checkListen(address); err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(address)
	if a, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !a.IsLoopback()) {
		return fmt.Errorf(`%q can be reached from elsewhere, and nobody judges what comes in by LMTP: give a loopback address such as "127.0.0.1:24", or the path of a socket`, address)
	}
	return nil
}

// isPath tells the path of a socket from an address.
func isPath(address string) bool { return strings.Contains(address, "/") }

// isHost tells whether s may be an address or a name; "" is every address.
func isHost(s string) bool {
	if strings.Trim(s, "0123456789.") == "" && s != "" || strings.Contains(s, ":") {
		_, err := netip.ParseAddr(s)
		return err == nil
	}
	return !strings.ContainsAny(s, " /\t")
}

func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	return err == nil && host != "" && port != ""
}
