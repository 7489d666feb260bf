// Package dns asks the DNS server that the configuration names, for everything
// in Posthorn that needs an answer from it: routes, sender checks, names of
// clients.
//
// The lookups have net.Resolver's signatures and *net.DNSError's kinds, so a
// library that takes a resolver takes this one. What net.Resolver cannot do and
// this can: use one configured server (tests bring their own), keep answers for
// their TTL, tell a name that does not exist from one without such a record
// (NoDomain), say whether DNSSEC proves an answer, and be switched off.
//
// RFCs: 1035, 2181 §5 (TTL), 2308 (negative answers), 6761 §6.3 (localhost),
// 6891 (EDNS), 6698 (TLSA), 6840 §5.7 (the AD bit). Notable divergences: search
// lists are not used, every name is taken as fully qualified; signatures are
// left to the server asked, which is believed about them when it is on this
// machine or when the administrator says so (Trust).
package dns

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	mdns "github.com/miekg/dns"
	"golang.org/x/net/idna"
)

// The two things a negative answer can mean (RFC 2308 §2). Both have
// IsNotFound.
const (
	textNoDomain = "no such domain" // NXDOMAIN
	textNoRecord = "no such record" // NODATA
)

// Off as New's argument makes a resolver that asks nobody.
const Off = "none"

// Resolver asks DNS servers and keeps their answers for a while. It is safe for
// use by many goroutines.
type Resolver struct {
	servers []server // tried in order
	off     bool
	cache   cache
	// turn moves the starting server after one that did not answer, so that a
	// dead first server costs its timeout once and not for each question.
	turn atomic.Uint32
}

// server is one to ask. What it says about DNSSEC counts where nobody between it
// and us can say otherwise.
type server struct {
	addr    string // "host:port"
	trusted bool
}

// New makes a resolver for server, "host:port" or "host". "" takes the servers
// of /etc/resolv.conf; Off fails every lookup at once, as temporary.
func New(server string) *Resolver {
	r := &Resolver{cache: cache{answers: make(map[question]answer)}}
	switch server {
	case Off:
		r.off = true
	case "":
		r.use(systemServers("/etc/resolv.conf")...)
	default:
		r.use(withPort(server))
	}
	return r
}

func (r *Resolver) use(addrs ...string) {
	r.servers = nil
	for _, addr := range addrs {
		r.servers = append(r.servers, server{addr, onLoopback(addr)})
	}
}

// onLoopback tells whether addr, "host:port", is on this machine (RFC 4035
// §4.9.3 wants the AD bit ignored unless the way to the server is secure).
func onLoopback(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

// Trust has the servers believed about DNSSEC wherever they are: the
// administrator knows that they validate, and that the way to them is safe. It
// is for before the first lookup.
func (r *Resolver) Trust() {
	for i := range r.servers {
		r.servers[i].trusted = true
	}
}

// systemServers reads resolv.conf(5); without a usable one the local host is
// asked, as the C library does.
func systemServers(file string) []string {
	conf, err := mdns.ClientConfigFromFile(file)
	if err != nil || len(conf.Servers) == 0 {
		return []string{"127.0.0.1:53"}
	}
	servers := make([]string, 0, len(conf.Servers))
	for _, s := range conf.Servers {
		servers = append(servers, net.JoinHostPort(s, conf.Port))
	}
	return servers
}

func withPort(server string) string {
	if _, _, err := net.SplitHostPort(server); err == nil {
		return server
	}
	return net.JoinHostPort(strings.Trim(server, "[]"), "53")
}

// NoDomain tells whether err says that the name itself does not exist
// (NXDOMAIN), not only that it has no record of the type asked for.
func NoDomain(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound && e.Err == textNoDomain
}

// LookupMX gives the mail exchangers of name by preference, names ending with a
// dot. A null MX (RFC 7505) is one with the Host ".".
func (r *Resolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	mx, _, err := r.MX(ctx, name)
	return mx, err
}

// MX is LookupMX that tells whether DNSSEC proves the answer, be it that there
// are none.
func (r *Resolver) MX(ctx context.Context, name string) (mx []*net.MX, authentic bool, err error) {
	a, err := r.lookup(ctx, name, mdns.TypeMX)
	for _, rr := range a.records {
		if m, ok := rr.(*mdns.MX); ok {
			mx = append(mx, &net.MX{Host: m.Mx, Pref: m.Preference})
		}
	}
	slices.SortStableFunc(mx, func(a, b *net.MX) int { return int(a.Pref) - int(b.Pref) })
	return mx, a.authentic, err
}

// LookupTXT gives the TXT records of name, the strings of each joined.
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	a, err := r.lookup(ctx, name, mdns.TypeTXT)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, rr := range a.records {
		if t, ok := rr.(*mdns.TXT); ok {
			texts = append(texts, unescape(strings.Join(t.Txt, "")))
		}
	}
	return texts, nil
}

// LookupAddr gives the names of an IP address from the reverse DNS, ending with
// a dot.
func (r *Resolver) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	name, err := mdns.ReverseAddr(addr)
	if err != nil {
		return nil, &net.DNSError{Err: "not an IP address", Name: addr}
	}
	a, err := r.lookup(ctx, name, mdns.TypePTR)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, rr := range a.records {
		if p, ok := rr.(*mdns.PTR); ok {
			names = append(names, p.Ptr)
		}
	}
	return names, nil
}

// lookup answers from the cache or asks. The error is a *net.DNSError; with one
// that says that there is nothing, the answer tells whether that is proven.
func (r *Resolver) lookup(ctx context.Context, name string, rrtype uint16) (answer, error) {
	fqdn, err := toFQDN(name)
	if err != nil {
		return answer{}, &net.DNSError{Err: textNoDomain, Name: name, IsNotFound: true}
	}
	if r.off {
		return answer{}, &net.DNSError{Err: "the DNS is switched off", Name: name, IsTemporary: true}
	}
	q := question{fqdn, rrtype}
	a, ok := r.cache.get(q, time.Now())
	if !ok {
		if a, err = r.ask(ctx, q); err != nil {
			return answer{}, err
		}
		r.cache.put(q, a, time.Now())
	}
	if a.missing != "" {
		return a, &net.DNSError{Err: a.missing, Name: name, IsNotFound: true}
	}
	return a, nil
}

// toFQDN gives name in the form it has in a question: A-labels (RFC 5891),
// lower case, a dot at the end. A name that cannot stand there does not exist.
func toFQDN(name string) (string, error) {
	name, err := ToASCII(strings.TrimSuffix(name, "."))
	if err != nil {
		return "", err
	}
	fqdn := mdns.CanonicalName(name)
	// The library reads names as zone files do: a backslash would escape.
	odd := strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '\\' })
	if _, ok := mdns.IsDomainName(fqdn); !ok || odd || name == "" {
		return "", errors.New("not a domain name")
	}
	return fqdn, nil
}

// ToASCII gives a domain name as it stands in the DNS, with A-labels for
// U-labels (RFC 5891); a name that is ASCII already is left alone.
func ToASCII(name string) (string, error) {
	for i := 0; i < len(name); i++ {
		if name[i] >= 0x80 {
			return idna.Lookup.ToASCII(name)
		}
	}
	return name, nil
}

func isNotFound(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}
