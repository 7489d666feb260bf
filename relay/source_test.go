package relay_test

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"posthorn/internal/dns/dnstest"
	"posthorn/mail"
	"posthorn/relay"
	"posthorn/relay/relaytest"
)

// Connections come from the address that was chosen for the family, and where
// one family does not work the other is used.
func TestSourceAddresses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		v4, v6 string
		route  relay.Route // for mail from us.test
		local  string      // our end of the connection; "": none came about
	}{
		{"the system's choice", "", "", relay.Route{}, "127.0.0.1"},
		{"an address", "127.0.0.7", "", relay.Route{}, "127.0.0.7"},
		{"a route's", "127.0.0.7", "", relay.Route{Sender: "us.test", Via: "mx", SourceIPv4: "127.0.0.8"}, "127.0.0.8"},
		{"no IPv4", "none", "", relay.Route{}, "::1"},
		{"an address that is not ours", "192.0.2.1", "", relay.Route{}, "127.0.0.1"}, // loopback is reached from loopback only
		{"the other family is off", "127.0.0.9", "none", relay.Route{}, "127.0.0.9"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}, AAAA: []string{"::1"}}})
			n.cfg.SourceIPv4, n.cfg.SourceIPv6 = tt.v4, tt.v6
			if tt.route.Via != "" {
				n.cfg.Routes = []relay.Route{tt.route}
			}
			n.host("127.0.0.2", nil)
			n.host("::1", nil)
			s := n.send(letter("bob@x.test"))[0]
			if !s.OK() || s.Link.Local.String() != tt.local {
				t.Errorf("got %v from %s", s.Reply, s.Link.Local)
			}
		})
	}
}

func TestTheOtherFamily(t *testing.T) {
	n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{"127.0.0.2"}, AAAA: []string{"::1"}}})
	n.host("::1", nil) // nobody listens on IPv4
	if s := n.send(letter("bob@x.test"))[0]; !s.OK() || s.Link.Local.String() != "::1" {
		t.Errorf("got %v from %s", s.Reply, s.Link.Local)
	}
	n = newNetwork(t, dnstest.Zones{"x.test": {AAAA: []string{"::1"}}})
	n.cfg.SourceIPv6 = "none"
	if s := n.send(letter("bob@x.test"))[0]; !s.Reply.Is(mail.NoAnswer) || !strings.Contains(s.Reply.Text, "switches off") {
		t.Errorf("got %v", s.Reply)
	}
}

// Mail never comes back here: not by our name, not by an address that our name
// has elsewhere, and what stands behind us in the list is not asked (RFC 5321
// §5.1).
func TestNeverToOurselves(t *testing.T) {
	n := newNetwork(t, dnstest.Zones{
		"us.test":    {A: []string{"203.0.113.5"}},
		"alias.test": {CNAME: "us.test"},
		"worse.test": {A: []string{"127.0.0.3"}}, "better.test": {A: []string{"127.0.0.2"}},
		"a.test": {MX: []string{"10 alias.test", "20 worse.test"}},
		"b.test": {MX: []string{"10 other.test", "20 worse.test"}}, "other.test": {A: []string{"127.0.0.4", "203.0.113.5"}},
		"c.test": {MX: []string{"10 better.test", "20 alias.test", "30 worse.test"}},
		"d.test": {MX: []string{"10 US.test.", "20 worse.test"}},
		"e.test": {A: []string{"203.0.113.5"}},
	})
	worse := n.host("127.0.0.3", nil)
	for _, domain := range []string{"a.test", "b.test", "d.test", "e.test", "[203.0.113.5]"} {
		if s := n.send(letter("bob@" + domain))[0]; !s.Reply.Is(mail.RouteToSelf) {
			t.Errorf("%s: %v", domain, s.Reply)
		}
	}
	if s := n.send(letter("bob@c.test"))[0]; !s.Reply.Is(mail.NoAnswer) && !s.Reply.Is(mail.RouteToSelf) || s.Reply.Permanent() {
		t.Errorf("a better host that is down: %v", s.Reply)
	}
	better := n.host("127.0.0.2", nil)
	if s := n.send(letter("bob@c.test"))[0]; !s.OK() || len(better.Mails()) != 1 {
		t.Errorf("a better host: %v", s.Reply)
	}
	if worse.Connections() != 0 {
		t.Error("a worse host was asked")
	}
}

// What a stranger's zone names is not connected to unless it can be a mail
// server of the world, in whatever form the address is written.
func TestAddressesThatAreNobodys(t *testing.T) {
	n := newNetwork(t, dnstest.Zones{})
	n.cfg.AllowPrivate = false
	for _, a := range []string{
		"10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.0.8", "198.18.0.1",
		"IPv6:::", "IPv6:fd00::1", "IPv6:fe80::1", "IPv6:ff02::1", "IPv6:fec0::1", "IPv6:::ffff:10.0.0.1", "IPv6:::10.0.0.1", "IPv6:64:ff9b::a00:1", "IPv6:64:ff9b:1::1",
		"IPv6:2002:a00:1::1", "IPv6:2002:7f00:1::1", "IPv6:2001:0:1:2:3:4:f5ff:fffe", "IPv6:100::1",
	} {
		if s := n.send(letter("bob@[" + a + "]"))[0]; !s.Reply.Is(mail.PrivateRoute) && !s.Reply.Is(mail.RouteToSelf) {
			t.Errorf("%s: %v", a, s.Reply)
		}
	}
	for _, a := range []string{"x", "1.2.3", "IPv6:1.2.3.4x", "IPv4:1.2.3.4"} {
		m := letter()
		m.To = []mail.Recipient{{Path: mail.Path{Local: "bob", Domain: "[" + a + "]"}}}
		if s := n.send(m)[0]; !s.Reply.Is(mail.BadRecipient) {
			t.Errorf("%s: %v", a, s.Reply)
		}
	}
}

// A domain with a hundred hosts does not hold us: ten are looked at.
func TestTenHosts(t *testing.T) {
	zones := dnstest.Zones{}
	var mx []string
	for i := range 30 {
		name := "mx" + strconv.Itoa(i) + ".test"
		mx = append(mx, "10 "+name)
		zones[name] = dnstest.Node{A: []string{"127.0.0.2"}}
	}
	zones["x.test"] = dnstest.Node{MX: mx}
	n := newNetwork(t, zones)
	h := relaytest.Start(t, net.JoinHostPort("127.0.0.2", strconv.Itoa(n.cfg.Port)), relaytest.Script{"GREETING": "421 Busy" + relaytest.Close}, nil)
	n.send(letter("bob@x.test"))
	asked := 0
	for name := range zones {
		asked += n.dns.Asked(name, "A")
	}
	if h.Connections() > 10 || asked > 11 {
		t.Errorf("%d connections, %d lookups", h.Connections(), asked)
	}
}
