package relay_test

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"posthorn/internal/dns/dnstest"
	"posthorn/mail"
	"posthorn/relay/relaytest"
)

// A status tells which connection it came about on, also when there was none.
func TestLink(t *testing.T) {
	config, _ := certificate(t)
	here := netip.MustParseAddr("127.0.0.2")
	local := netip.MustParseAddr("127.0.0.1")
	tests := []struct {
		name   string
		script relaytest.Script // nil: nobody listens
		want   mail.Link        // TLS: how it begins
	}{
		{"clear text", relaytest.Script{}, mail.Link{Remote: here, Local: local}},
		{"encrypted", relaytest.Script{"EHLO": offersTLS}, mail.Link{Remote: here, Local: local, TLS: "TLS 1.3 TLS_"}},
		{"refused", relaytest.Script{"RCPT": "550 5.1.1 No"}, mail.Link{Remote: here, Local: local}},
		{"lost in the middle", relaytest.Script{"EHLO": offersTLS, "DATA": relaytest.Close}, mail.Link{Remote: here, Local: local, TLS: "TLS 1.3 TLS_"}},
		{"no answer", nil, mail.Link{Remote: here}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNetwork(t, dnstest.Zones{"x.test": {A: []string{here.String()}}})
			if tt.script != nil {
				relaytest.Start(t, net.JoinHostPort(here.String(), strconv.Itoa(n.cfg.Port)), tt.script, config)
			}
			got := n.send(letter("bob@x.test"))[0].Link
			if got.Remote != tt.want.Remote || got.Local != tt.want.Local || !strings.HasPrefix(got.TLS, tt.want.TLS) || (got.TLS == "") != (tt.want.TLS == "") {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
