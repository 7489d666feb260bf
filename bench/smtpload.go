package main

import (
	"fmt"
	"strconv"
	"strings"
)

// smtpNames are the workloads of mail into INBOXes that are measured unless
// others are asked for.
var smtpNames = []string{"smtp1", "smtp16", "smtp64", "connect16", "smtp16-2k", "smtp1-100k", "smtp16-100k", "smtp64-100k", "smtp16-1m", "smtp64-5m",
	"smtp16-5rcpt", "smtp16-10rcpt", "smtp16-tls", "smtp16-signed"}

// smtpLoad is mail from outside into INBOXes.
type smtpLoad struct {
	conns      int
	size       int  // octets of a message
	recipients int  // of each, all of them here
	connect    bool // a new connection for each
	tls        bool
	signed     bool // with a DKIM signature, SPF and DMARC to be asked
	n          int  // messages
}

// besides are the servers that show what one of the loads is about.
var besides = map[string][]string{
	"smtp16":        {"posthorn" + unsynced},
	"smtp64":        {"posthorn" + slowSync, "postfix+dovecot" + slowSync},
	"smtp16-signed": {"posthorn" + checking},
}

// parseLoad reads the name of a load: smtp and the number of connections, then
// in any order a size (4k where there is none), recipients and what else is
// different. connect16 is smtp16-connect.
func parseLoad(name string) (l smtpLoad, err error) {
	rest, connect := strings.CutPrefix(name, "connect")
	if !connect {
		var ok bool
		if rest, ok = strings.CutPrefix(name, "smtp"); !ok {
			return l, fmt.Errorf("the load %q does not begin with smtp or connect", name)
		}
	}
	parts := strings.Split(rest, "-")
	l = smtpLoad{size: 4 << 10, recipients: 1, connect: connect}
	if l.conns, err = strconv.Atoi(parts[0]); err != nil || l.conns < 1 {
		return l, fmt.Errorf("the load %q does not say how many connections", name)
	}
	for _, p := range parts[1:] {
		if err := l.part(p); err != nil {
			return l, fmt.Errorf("the load %q: %w", name, err)
		}
	}
	if l.recipients > len(users) {
		return l, fmt.Errorf("the load %q: there are %d users", name, len(users))
	}
	l.n = l.messages()
	return l, nil
}

func (l *smtpLoad) part(p string) error {
	switch p {
	case "connect":
		l.connect = true
	case "tls":
		l.tls = true
	case "signed":
		l.signed = true
	default:
		for unit, to := range map[string]func(n int){
			"rcpt": func(n int) { l.recipients = n },
			"k":    func(n int) { l.size = n << 10 },
			"m":    func(n int) { l.size = n << 20 },
		} {
			if digits, ok := strings.CutSuffix(p, unit); ok {
				if n, err := strconv.Atoi(digits); err == nil && n > 0 {
					to(n)
					return nil
				}
			}
		}
		return fmt.Errorf("%q is not a size (100k, 5m), a number of recipients (10rcpt), connect, tls or signed", p)
	}
	return nil
}

// messages is how many make a round of a few seconds.
func (l smtpLoad) messages() int {
	n := 1500
	switch {
	case l.size > 2<<20:
		n = 128
	case l.size > 200<<10:
		n = 240
	case l.size > 20<<10:
		n = 600
	}
	if l.recipients > 1 {
		n /= 3
	}
	if l.conns == 1 {
		n /= 3
	}
	return max(n, l.conns)
}

func (l smtpLoad) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d messages of %s over %d connections", l.n, size(l.size), l.conns)
	if l.connect {
		b.WriteString(", a new one for each")
	}
	if l.tls {
		b.WriteString(", with TLS")
	}
	if l.signed {
		b.WriteString(", signed with DKIM")
	}
	if l.recipients > 1 {
		fmt.Fprintf(&b, ", to %d recipients each (counted is the message when all copies are there)", l.recipients)
	}
	return b.String() + ", until all stand in INBOX"
}

func size(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
