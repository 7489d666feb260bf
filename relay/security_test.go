package relay_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/dns/dnstest"
	"posthorn/mail"
	"posthorn/relay"
	"posthorn/relay/relaytest"
	"posthorn/store"
)

// memory is a relay's, for one test.
type memory struct {
	nobodysBackup
	mu       sync.Mutex
	policies map[string]store.STSPolicy // guarded by mu
	counted  []store.TLSPolicy          // guarded by mu
}

func (m *memory) STSPolicy(_ context.Context, domain string) (store.STSPolicy, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.policies[domain]
	if !ok {
		return p, store.ErrNotFound
	}
	return p, nil
}

func (m *memory) KeepSTSPolicy(_ context.Context, p store.STSPolicy) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.policies[p.Domain] = p
	return nil
}

func (m *memory) DueSTSPolicies(context.Context, time.Time, time.Time, int) ([]store.STSPolicy, error) {
	return nil, nil
}

func (m *memory) CountTLS(_ context.Context, counts []store.TLSPolicy, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counted = append(m.counted, counts...)
	return nil
}

// String is what has been counted: kind, successes, and each failure.
func (m *memory) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var words []string
	for _, c := range m.counted {
		words = append(words, c.Kind, strconv.FormatInt(c.Successes, 10))
		for _, f := range c.Failures {
			words = append(words, fmt.Sprintf("%s(%s)x%d", f.Result, f.Reason, f.Sessions))
		}
	}
	return strings.Join(words, " ")
}

// remembers makes a memory with a policy of x.test; "" is none.
func remembers(mode, mx string) *memory {
	m := &memory{policies: make(map[string]store.STSPolicy)}
	if mode != "" {
		m.policies["x.test"] = store.STSPolicy{Domain: "x.test", ID: "7", Expires: time.Now().Add(time.Hour), Used: time.Now(),
			Text: "version: STSv1\nmode: " + mode + "\nmx: " + mx + "\nmax_age: 3600\n"}
	}
	return m
}

// tlsa is the record for the key of a server's certificate, or its authority's.
func tlsa(usage int, c *tls.Config) string {
	leaf := c.Certificates[0].Leaf
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return strconv.Itoa(usage) + " 1 1 " + hex.EncodeToString(sum[:])
}

func authorityTLSA(ca *relaytest.Authority) string {
	sum := sha256.Sum256(ca.Cert.Raw)
	return "2 0 1 " + hex.EncodeToString(sum[:])
}

// scene is a domain, x.test, with the mail server mx.test.
type scene struct {
	signed  bool   // DNSSEC covers all of it
	tlsa    string // of mx.test
	policy  string // MTA-STS: mode
	names   string // MTA-STS: mx; "" for mx.test
	cert    *tls.Config
	without bool     // the server offers no STARTTLS
	offers  string   // more of EHLO's answer, such as "\r\n250 REQUIRETLS"
	from    string   // "" for alice, "<>"
	ask     string   // "REQUIRETLS", "TLS-Required: No"
	broken  []string // lookups that fail: "NAME TYPE"
	alias   string   // "x.test" is "signed" or "plain": mx.test is an alias of host.mx.test, which is that
	route   string   // tls of a route
}

func (sc scene) play(t *testing.T, ca *relaytest.Authority) (*network, *relaytest.Server, mail.Status) {
	t.Helper()
	n := newNetwork(t, nil)
	n.cfg.CAFile = ca.File
	if sc.names == "" {
		sc.names = "mx.test"
	}
	n.memory = remembers(sc.policy, sc.names)
	if sc.route != "" {
		n.cfg.Routes = []relay.Route{{Domain: "*", Via: "mx", TLS: sc.route}}
	}
	port := strconv.Itoa(n.cfg.Port)
	n.dns.Set("x.test", dnstest.Node{Signed: sc.signed, MX: []string{"10 mx.test"}})
	host := dnstest.Node{Signed: sc.signed, A: []string{"127.0.0.2"}}
	if sc.alias != "" {
		n.dns.Set("mx.test", dnstest.Node{Signed: sc.signed, CNAME: "host.mx.test"})
		host.Signed = sc.alias == "signed"
		n.dns.Set("host.mx.test", host)
	} else {
		n.dns.Set("mx.test", host)
	}
	if sc.tlsa != "" {
		n.dns.Set("_"+port+"._tcp.mx.test", dnstest.Node{Signed: sc.signed, TLSA: strings.Split(sc.tlsa, ",")})
	}
	for _, b := range sc.broken {
		name, rrtype, _ := strings.Cut(b, " ")
		n.dns.Fail(strings.Replace(name, "PORT", port, 1), rrtype)
	}
	script := relaytest.Script{"EHLO": "250-mx.test\r\n250-STARTTLS\r\n250-PIPELINING\r\n250 8BITMIME" + sc.offers}
	if sc.offers != "" {
		script["EHLO"] = "250-mx.test\r\n250-STARTTLS" + sc.offers
	}
	if sc.without {
		script["EHLO"] = "250-mx.test\r\n250 PIPELINING"
	}
	h := relaytest.Start(t, net.JoinHostPort("127.0.0.2", port), script, sc.cert)
	m := letter("bob@x.test")
	if sc.from == "<>" {
		m.From = mail.Path{}
	}
	switch sc.ask {
	case "REQUIRETLS":
		m.RequireTLS = true
	case "":
	default:
		m.Content = mail.Bytes(sc.ask + "\r\nFrom: alice@us.test\r\n\r\nTLS-Required: No\r\n")
	}
	return n, h, n.send(m)[0]
}

// What a connection must have, by what the domain publishes and the message asks.
func TestSecurity(t *testing.T) {
	ca, other := relaytest.NewAuthority(t), relaytest.NewAuthority(t)
	hour := time.Now().Add(time.Hour)
	good := ca.Server(hour, "mx.test")
	misnamed := ca.Server(hour, "other.test")
	expired := ca.Server(time.Now().Add(-time.Hour), "mx.test")
	unknown := other.Server(hour, "mx.test")
	digest := strings.Repeat("ab", 32)
	const reqtls = "\r\n250 REQUIRETLS"
	tests := []struct {
		name string
		scene
		want mail.Reply // zero: it is taken
		tls  bool
		text string // part of the reply
	}{
		// DANE, RFC 7672.
		{"DANE: the right key", scene{signed: true, tlsa: tlsa(3, good), cert: good}, mail.Reply{}, true, ""},
		{"DANE: the right key in a certificate nobody else would take", scene{signed: true, tlsa: tlsa(3, expired), cert: expired}, mail.Reply{}, true, ""},
		{"DANE: another key", scene{signed: true, tlsa: "3 1 1 " + digest, cert: good}, mail.TLSFailed, false, "its TLSA records (_"},
		{"DANE: one of two keys", scene{signed: true, tlsa: "3 1 1 " + digest + "," + tlsa(3, good), cert: good}, mail.Reply{}, true, ""},
		{"DANE: the right authority", scene{signed: true, tlsa: authorityTLSA(ca), cert: good}, mail.Reply{}, true, ""},
		{"DANE: the right authority, another name", scene{signed: true, tlsa: authorityTLSA(ca), cert: misnamed}, mail.TLSFailed, false, "not x.test"},
		{"DANE: the right authority, the domain's name", scene{signed: true, tlsa: authorityTLSA(ca), cert: ca.Server(hour, "x.test")}, mail.Reply{}, true, ""},
		{"DANE: no STARTTLS", scene{signed: true, tlsa: tlsa(3, good), cert: good, without: true}, mail.TLSRequired, false, "its TLSA records (_"},
		{"DANE: no handshake", scene{signed: true, tlsa: tlsa(3, good), cert: broken}, mail.TLSFailed, false, "its TLSA records (_"},
		{"DANE: SERVFAIL", scene{signed: true, cert: good, broken: []string{"_PORT._tcp.mx.test TLSA"}}, mail.TLSALookup, false, "SERVFAIL"},
		{"DANE: SERVFAIL where nothing is signed is not asked for", scene{cert: unknown, broken: []string{"_PORT._tcp.mx.test TLSA"}}, mail.Reply{}, true, ""},
		{"DANE: the MX records are not signed", scene{tlsa: "3 1 1 " + digest, cert: unknown}, mail.Reply{}, true, ""},
		{"DANE: a bogus domain", scene{signed: true, cert: good, broken: []string{"x.test MX"}}, mail.DNSTemporary, false, ""},
		{"DANE: bogus addresses", scene{signed: true, cert: good, broken: []string{"mx.test A", "mx.test AAAA"}}, mail.DNSTemporary, false, ""},
		{"DANE: only records that cannot be used", scene{signed: true, tlsa: "1 1 1 " + digest, cert: unknown}, mail.Reply{}, true, ""},
		{"DANE: only records that cannot be used, no STARTTLS", scene{signed: true, tlsa: "1 1 1 " + digest, without: true}, mail.TLSRequired, false, ""},
		{"DANE: signed, and no records", scene{signed: true, cert: unknown}, mail.Reply{}, true, ""},
		{"DANE: an alias, all signed", scene{signed: true, alias: "signed", tlsa: tlsa(3, unknown), cert: good}, mail.TLSFailed, false, ""},
		{"DANE: a signed alias that leads to an unsigned host", scene{signed: true, alias: "plain", tlsa: tlsa(3, unknown), cert: good}, mail.TLSFailed, false, ""},
		{"DANE: an alias nobody can tell to be signed", scene{signed: true, alias: "plain", cert: good, broken: []string{"mx.test CNAME"}}, mail.DNSTemporary, false, ""},
		{"DANE: a route stands above it", scene{signed: true, tlsa: "3 1 1 " + digest, cert: unknown, route: "opportunistic"}, mail.Reply{}, true, ""},

		// MTA-STS, RFC 8461.
		{"STS enforce: all is well", scene{policy: "enforce", cert: good}, mail.Reply{}, true, ""},
		{"STS enforce: by a star", scene{policy: "enforce", names: "*.test", cert: good}, mail.Reply{}, true, ""},
		{"STS enforce: a server it does not name", scene{policy: "enforce", names: "mx.other.test", cert: good}, mail.STSMismatch, false, "the MTA-STS policy of x.test (id 7, mode enforce, until "},
		{"STS enforce: another name in the certificate", scene{policy: "enforce", cert: misnamed}, mail.TLSFailed, false, "valid for other.test, not mx.test"},
		{"STS enforce: expired", scene{policy: "enforce", cert: expired}, mail.TLSFailed, false, "expired"},
		{"STS enforce: an unknown authority", scene{policy: "enforce", cert: unknown}, mail.TLSFailed, false, "issued by CN=Test authority"},
		{"STS enforce: no STARTTLS", scene{policy: "enforce", cert: good, without: true}, mail.TLSRequired, false, "id 7"},
		{"STS enforce: no handshake", scene{policy: "enforce", cert: broken}, mail.TLSFailed, false, "id 7"},
		{"STS testing: a server it does not name", scene{policy: "testing", names: "mx.other.test", cert: good}, mail.Reply{}, true, ""},
		{"STS testing: expired", scene{policy: "testing", cert: expired}, mail.Reply{}, true, ""},
		{"STS testing: no STARTTLS", scene{policy: "testing", without: true}, mail.Reply{}, false, ""},
		{"STS testing: no handshake", scene{policy: "testing", cert: broken}, mail.Reply{}, false, ""},
		{"STS none", scene{policy: "none", cert: unknown}, mail.Reply{}, true, ""},
		{"STS: a route stands above it", scene{policy: "enforce", cert: unknown, route: "opportunistic"}, mail.Reply{}, true, ""},

		// Both: DANE goes first (RFC 8461 §2).
		{"both: DANE fits, STS would not", scene{signed: true, tlsa: tlsa(3, unknown), cert: unknown, policy: "enforce", names: "other.test"}, mail.Reply{}, true, ""},
		{"both: STS fits, DANE does not", scene{signed: true, tlsa: "3 1 1 " + digest, cert: good, policy: "enforce"}, mail.TLSFailed, false, "TLSA"},
		{"both: records that cannot be used, STS does not fit", scene{signed: true, tlsa: "1 1 1 " + digest, cert: unknown, policy: "enforce"}, mail.TLSFailed, false, "MTA-STS"},

		// REQUIRETLS, RFC 8689.
		{"REQUIRETLS: DANE", scene{signed: true, tlsa: tlsa(3, unknown), cert: unknown, ask: "REQUIRETLS", offers: reqtls}, mail.Reply{}, true, ""},
		{"REQUIRETLS: STS", scene{policy: "enforce", cert: good, ask: "REQUIRETLS", offers: reqtls}, mail.Reply{}, true, ""},
		{"REQUIRETLS: a certificate, and MX records that are signed", scene{signed: true, cert: good, ask: "REQUIRETLS", offers: reqtls}, mail.Reply{}, true, ""},
		{"REQUIRETLS: a certificate, and MX records that are not", scene{cert: good, ask: "REQUIRETLS", offers: reqtls}, mail.RequireTLSUnproven, false, "neither DNSSEC nor MTA-STS"},
		{"REQUIRETLS: a route does not soften it", scene{signed: true, cert: unknown, ask: "REQUIRETLS", offers: reqtls, route: "opportunistic"}, mail.RequireTLSUnproven, false, "unknown authority"},
		{"REQUIRETLS: STS in testing is no proof", scene{policy: "testing", cert: good, ask: "REQUIRETLS", offers: reqtls}, mail.RequireTLSUnproven, false, "neither"},
		{"REQUIRETLS: a certificate that is none", scene{signed: true, cert: expired, ask: "REQUIRETLS", offers: reqtls}, mail.RequireTLSUnproven, false, "expired"},
		{"REQUIRETLS: the wrong key", scene{signed: true, tlsa: "3 1 1 " + digest, cert: good, ask: "REQUIRETLS", offers: reqtls}, mail.RequireTLSUnproven, false, "TLSA"},
		{"REQUIRETLS: no STARTTLS", scene{signed: true, without: true, ask: "REQUIRETLS"}, mail.RequireTLSUnproven, false, "no encryption"},
		{"REQUIRETLS: not offered", scene{signed: true, cert: good, ask: "REQUIRETLS"}, mail.RequireTLSUnsupported, false, ""},
		{"REQUIRETLS: a report goes without", scene{cert: unknown, ask: "REQUIRETLS", from: "<>"}, mail.Reply{}, true, ""},

		{"TLS-Required: No, and DANE does not fit", scene{signed: true, tlsa: "3 1 1 " + digest, cert: good, ask: "tls-required : no"}, mail.Reply{}, true, ""},
		{"TLS-Required: No, and STS does not fit", scene{policy: "enforce", without: true, ask: "TLS-Required: No"}, mail.Reply{}, false, ""},
		{"TLS-Required: Yes says nothing", scene{policy: "enforce", without: true, ask: "TLS-Required: Yes"}, mail.TLSRequired, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, h, s := tt.play(t, ca)
			if tt.want.Code != 0 {
				if !s.Reply.Is(tt.want) || !strings.Contains(s.Reply.Text, tt.text) || len(h.Mails()) != 0 {
					t.Errorf("got %v, want %s with %q; %d messages", s.Reply, tt.want.Name, tt.text, len(h.Mails()))
				}
				return
			}
			if !s.OK() || len(h.Mails()) != 1 || h.Mails()[0].TLS != tt.tls {
				t.Fatalf("got %v, %+v", s.Reply, h.Mails())
			}
			if said := strings.Contains(h.Mails()[0].From, " REQUIRETLS"); said != (tt.ask == "REQUIRETLS" && tt.from == "") {
				t.Errorf("REQUIRETLS was said: %v", said)
			}
		})
	}
}

// A session is used for no mail that asks for more than it was made with.
func TestSessionsAreNotSharedAcrossDemands(t *testing.T) {
	ca := relaytest.NewAuthority(t)
	n, h, s := scene{signed: true, cert: ca.Server(time.Now().Add(time.Hour), "mx.test"), offers: "\r\n250 REQUIRETLS"}.play(t, ca)
	if !s.OK() {
		t.Fatal(s.Reply)
	}
	m := letter("bob@x.test")
	for i, ask := range []func(){
		func() {}, // the first session
		func() { m.RequireTLS = true },
		func() { m.RequireTLS, m.Content = false, mail.Bytes("TLS-Required: No\r\n\r\n") },
		func() { m.RequireTLS = true }, // REQUIRETLS counts (RFC 8689 §4.1): the second
	} {
		ask()
		if s := n.send(m)[0]; !s.OK() {
			t.Fatalf("%d: %v", i, s.Reply)
		}
	}
	var conns []string
	for _, m := range h.Mails() {
		conns = append(conns, strconv.Itoa(m.Conn))
	}
	if got := strings.Join(conns, " "); got != "1 1 2 3 2" {
		t.Errorf("by connections %s", got)
	}
}

// A server that does not fit is passed over for one that does (RFC 7672 §2.2, RFC
// 8461 §5).
func TestNextHostThatFits(t *testing.T) {
	ca := relaytest.NewAuthority(t)
	n := newNetwork(t, dnstest.Zones{
		"x.test":   {MX: []string{"10 bad.test", "20 notnamed.test", "30 good.test"}},
		"bad.test": {A: []string{"127.0.0.2"}}, "notnamed.test": {A: []string{"127.0.0.3"}}, "good.test": {A: []string{"127.0.0.4"}},
	})
	n.cfg.CAFile = ca.File
	n.memory = remembers("enforce", "good.test\nmx: bad.test")
	var hosts []*relaytest.Server
	hour := time.Now().Add(time.Hour)
	for i, cert := range []*tls.Config{ca.Server(hour, "else.test"), ca.Server(hour, "notnamed.test"), ca.Server(hour, "good.test")} {
		hosts = append(hosts, relaytest.Start(t, net.JoinHostPort("127.0.0."+strconv.Itoa(i+2), strconv.Itoa(n.cfg.Port)), relaytest.Script{"EHLO": offersTLS}, cert))
	}
	if s := n.send(letter("bob@x.test"))[0]; !s.OK() || s.MTA != "good.test" {
		t.Errorf("got %+v", s)
	}
	if hosts[1].Connections() != 0 || len(hosts[2].Mails()) != 1 {
		t.Errorf("%d connections to the host that is not named, %d messages at the good one", hosts[1].Connections(), len(hosts[2].Mails()))
	}
}

// What is counted for TLSRPT (RFC 8460 §4.3), in the words that its readers know.
func TestResults(t *testing.T) {
	ca, other := relaytest.NewAuthority(t), relaytest.NewAuthority(t)
	hour := time.Now().Add(time.Hour)
	good, misnamed, unknown := ca.Server(hour, "mx.test"), ca.Server(hour, "other.test"), other.Server(hour, "mx.test")
	expired := ca.Server(time.Now().Add(-time.Hour), "mx.test")
	digest := strings.Repeat("ab", 32)
	tests := []struct {
		name string
		scene
		want string // a beginning
	}{
		{"no policy", scene{cert: unknown}, "no-policy-found 1"},
		{"no policy, no STARTTLS", scene{without: true}, "no-policy-found 0 starttls-not-supported()x1"},
		{"no policy, no handshake", scene{cert: broken}, "no-policy-found 0 validation-failure(remote error: tls: "},
		{"DANE", scene{signed: true, tlsa: tlsa(3, good), cert: good}, "tlsa 1"},
		{"DANE, another key", scene{signed: true, tlsa: "3 1 1 " + digest, cert: good}, "tlsa 0 validation-failure(the certificate is another"},
		{"DANE, no STARTTLS", scene{signed: true, tlsa: tlsa(3, good), without: true}, "tlsa 0 starttls-not-supported()x1"},
		{"DANE, SERVFAIL", scene{signed: true, cert: good, broken: []string{"_PORT._tcp.mx.test TLSA"}}, "tlsa 0 dnssec-invalid("},
		{"DANE, records that cannot be used", scene{signed: true, tlsa: "1 1 1 " + digest, cert: good}, "tlsa 0 tlsa-invalid("},
		{"STS", scene{policy: "enforce", cert: good}, "sts 1"},
		{"STS, another name", scene{policy: "enforce", cert: misnamed}, "sts 0 certificate-host-mismatch(the certificate is for other.test)x1"},
		{"STS, expired", scene{policy: "enforce", cert: expired}, "sts 0 certificate-expired(valid from "},
		{"STS, an unknown authority", scene{policy: "enforce", cert: unknown}, "sts 0 certificate-not-trusted(issued by CN=Test authority)x1"},
		{"STS, a server it does not name", scene{policy: "enforce", names: "a.test", cert: good}, "sts 0 validation-failure(the policy does not name the host)x1"},
		{"STS testing, a server it does not name", scene{policy: "testing", names: "a.test", cert: good}, "sts 0 validation-failure(the policy does not name the host)x1"},
		{"STS testing, expired", scene{policy: "testing", cert: expired}, "sts 0 certificate-expired("},
		{"a route rules", scene{policy: "enforce", cert: good, route: "required"}, ""},
		{"nobody wants TLS", scene{policy: "enforce", cert: good, ask: "TLS-Required: No"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, _, _ := tt.play(t, ca)
			n.r.Close()
			if got := fmt.Sprint(n.memory); got != tt.want && (tt.want == "" || !strings.HasPrefix(got, tt.want)) {
				t.Errorf("got %q", got)
			}
		})
	}
}
