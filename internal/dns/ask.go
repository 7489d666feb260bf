package dns

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
)

// Times and sizes of a question. A server that knows answers well within the
// first; the whole of a lookup is rounds × servers × perTry at most.
const (
	perTry  = 2 * time.Second
	rounds  = 2
	udpSize = 1232 // what passes every path unfragmented (DNS flag day 2020)
	maxCNAM = 10   // links of a chain of aliases within one answer
)

// ask puts q to the servers in turn until one gives an answer that can be
// used.
func (r *Resolver) ask(ctx context.Context, q question) (answer, error) {
	var last *net.DNSError
	for try := range rounds * len(r.servers) {
		n := r.turn.Load()
		server := r.servers[int(n)%len(r.servers)]
		m, err := exchange(ctx, server, q)
		if err == nil {
			if a, ok := read(m, q); ok {
				a.authentic = server.trusted && m.AuthenticatedData
				return a, nil
			}
			err = errors.New("server answered " + mdns.RcodeToString[m.Rcode])
		}
		last = failure(q, server.addr, err)
		if ctx.Err() != nil {
			break
		}
		r.turn.CompareAndSwap(n, n+1)
		if m != nil && try >= len(r.servers)-1 {
			break // each has spoken: asking again would only get the same
		}
	}
	return answer{}, last
}

// failure is what a lookup that got no answer returns: always temporary, for
// nothing is known.
func failure(q question, server string, err error) *net.DNSError {
	var ne net.Error
	e := &net.DNSError{Err: err.Error(), Name: strings.TrimSuffix(q.name, "."), Server: server, IsTemporary: true}
	if errors.As(err, &ne) && ne.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		e.Err, e.IsTimeout = "no answer in time", true
	}
	return e
}

// exchange asks one server over UDP, and over TCP when the answer did not fit. A
// server that is believed is asked whether the answer is signed: by AD (RFC 6840
// §5.7), and by DO where somebody will look, for some servers know that alone;
// it makes answers larger.
func exchange(ctx context.Context, server server, q question) (*mdns.Msg, error) {
	m := new(mdns.Msg)
	m.SetQuestion(q.name, q.rrtype)
	m.AuthenticatedData = server.trusted
	m.SetEdns0(udpSize, server.trusted && routing(q.rrtype))
	in, err := exchangeOver(ctx, "udp", server.addr, m)
	if err == nil && in.Truncated {
		in, err = exchangeOver(ctx, "tcp", server.addr, m)
	}
	return in, err
}

// routing tells whether records of a type lead to a host.
func routing(rrtype uint16) bool {
	switch rrtype {
	case mdns.TypeMX, mdns.TypeA, mdns.TypeAAAA, mdns.TypeCNAME, mdns.TypeTLSA:
		return true
	}
	return false
}

func exchangeOver(ctx context.Context, network, server string, m *mdns.Msg) (*mdns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, perTry)
	defer cancel()
	c := &mdns.Client{Net: network, Timeout: perTry}
	conn, err := c.DialContext(ctx, server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	in, _, err := c.ExchangeWithConnContext(ctx, m, conn)
	if err != nil {
		return nil, err
	}
	// The library compares the ids; an answer to another question is a forgery
	// or a broken server (RFC 5452 §9.1).
	if len(in.Question) != 1 || !strings.EqualFold(in.Question[0].Name, m.Question[0].Name) ||
		in.Question[0].Qtype != m.Question[0].Qtype {
		return nil, errors.New("answer to another question")
	}
	return in, nil
}

// read takes from m what answers q, following aliases. It is false for an
// answer that says nothing about the name (SERVFAIL, REFUSED ...).
func read(m *mdns.Msg, q question) (answer, bool) {
	if m.Rcode != mdns.RcodeSuccess && m.Rcode != mdns.RcodeNameError {
		return answer{}, false
	}
	a := answer{ttl: maxTTL}
	name := q.name
	for range maxCNAM {
		a.name = name
		next := ""
		for _, rr := range m.Answer {
			h := rr.Header()
			if !strings.EqualFold(h.Name, name) {
				continue
			}
			switch {
			case h.Rrtype == q.rrtype:
				a.records = append(a.records, rr)
			case h.Rrtype == mdns.TypeCNAME:
				next = rr.(*mdns.CNAME).Target
			default:
				continue
			}
			a.ttl = min(a.ttl, time.Duration(h.Ttl)*time.Second)
		}
		if len(a.records) > 0 {
			return a, true
		}
		if next == "" {
			break
		}
		name = next
	}
	a.missing = textNoRecord
	if m.Rcode == mdns.RcodeNameError {
		a.missing = textNoDomain
	}
	a.ttl = min(a.ttl, negativeTTL(m))
	return a, true
}

// negativeTTL is how long "there is none" may be kept: the lesser of the SOA's
// TTL and its MINIMUM, and not at all without one (RFC 2308 §5).
func negativeTTL(m *mdns.Msg) time.Duration {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*mdns.SOA); ok {
			return min(time.Duration(min(soa.Hdr.Ttl, soa.Minttl))*time.Second, maxNegativeTTL)
		}
	}
	return 0
}

// unescape gives the octets of a TXT string, which the library holds in the
// presentation form of RFC 1035 §5.1: \DDD and \X.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]) {
			b.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + (s[i+3] - '0'))
			i += 3
			continue
		}
		i++
		b.WriteByte(s[i])
	}
	return b.String()
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
