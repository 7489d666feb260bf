package main

import (
	"strings"
	"testing"
)

// A mistake names the file, the line and the key.
func TestConfigMistakes(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		{"an unknown key", "hostname = 'a.b'\n\n[imap]\nlissten = ':1'\n", "x.toml:4: imap.lissten: there is no such key"},
		{"an unknown table", "[imapp]\nlisten = ':1'\n", "x.toml:1: imapp"},
		{"two unknown keys", "a = 1\nb = 2\n", "x.toml:2: b: there is no such key"},
		{"a wrong type", "[limits]\nconnections = 'many'\n", "x.toml:2: limits.connections: "},
		{"not a duration", "[imap]\n# comment\nidle_timeout = 'soon'\n", "x.toml:3: imap.idle_timeout: "},
		{"not TOML", "hostname = 'a.b'\n[imap\n", "x.toml:2: "},
		{"no hostname", "hostname = '1 2'\n", "x.toml:1: hostname: 1 2 is not a domain name"},
		{"not an address", "[smtp]\n\nlisten = '25'\n", `x.toml:3: smtp.listen: "25" is not an address to listen on`},
		{"half a certificate", "[tls]\ncertificate = 'c.pem'\n", "x.toml:2: tls.certificate: there is no key to it"},
		{"a log format", "[log]\nformat = 'xml'\n", `x.toml:2: log.format: "xml" is not`},
		{"a log level", "[log]\nlevel = 'loud'\n", `x.toml:2: log.level: "loud" is not "debug"`},
		{"a resolver", "[dns]\nresolver = '1.1.1.1'\n", `x.toml:2: dns.resolver: "1.1.1.1" is not`},
		{"a port of the relay", "relay.port = 0\n", "x.toml:1: relay.port: 0 is no port"},
		{"a number of the queue", "[queue]\nexpire = '1d'\nconnections = 0\n", "x.toml:3: queue.connections: "},
		{"a source of the other family", "[relay]\nsource_ipv4 = '::1'\n", "x.toml:2: relay.source_ipv4: "},
		{"no family at all", "[relay]\nsource_ipv4 = 'none'\nsource_ipv6 = 'none'\n", "x.toml:2: relay.source_ipv4: "},
		{"a backup that bounces", "[relay]\nbackup_unverified = 'bounce'\n", "x.toml:2: relay.backup_unverified: "},
		{"the second route", "[[route]]\ndomain = '*'\nvia = 'mx'\n[[route]]\ndomain = 'a.b'\n", "x.toml:4: route: via is missing"},
		{"a key of the second route", "[[route]]\ndomain = '*'\nvia = 'mx'\n[[route]]\ndomain = 'a.b'\nvia = 'x'\n", `x.toml:6: route.via: "x" is not`},
		{"a number for a text", "[smtp]\nlisten = 25\n", "x.toml:2: smtp.listen: a text in quotes is needed here, not a TOML integer"},
		{"a text for a switch", "[check]\nspf = 'yes'\n", "x.toml:2: check.spf: true or false is needed here, not a TOML string"},
		{"a key that stands twice", "[smtp]\nlisten = ':1'\nlisten = ':2'\n", "x.toml:3: smtp.listen: is set twice"},
		{"a table that stands twice", "[smtp]\n[smtp]\n", "x.toml:2: smtp: this table stands twice"},
		{"not a network", "[smtp]\nproxies = ['here']\n", `x.toml:2: smtp.proxies: "here" is not a network such as`},
		{"four numbers that are no address", "[smtp]\nlisten = '300.1.1.1:25'\n", `x.toml:2: smtp.listen: "300.1.1.1:25" is not`},
		{"one port for two servers", "[imap]\nlisten = ':25'\n", "x.toml:2: imap.listen: smtp.listen listens on :25 already"},
		{"LMTP for everybody", "[lmtp]\nlisten = ':24'\n", `x.toml:2: lmtp.listen: ":24" can be reached from elsewhere`},
		{"a duration without its unit", "[imap]\nidle_timeout = 5\n", "x.toml:2: imap.idle_timeout: 5 needs quotes and a unit"},
		{"no time at all", "[pop3]\nidle_timeout = '0s'\n", "x.toml:2: pop3.idle_timeout: no time at all"},
		{"a shorter pause than mail programs count on", "[imap]\nidle_timeout = '1m'\n", "x.toml:2: imap.idle_timeout: 1m is less than the 30m that RFC 9051"},
		{"one of POP3", "[pop3]\nidle_timeout = '9m59s'\n", "x.toml:2: pop3.idle_timeout: 9m59s is less than the 10m that RFC 1939"},
		{"no room for any message", "[imap]\nappend_limit = 0\n", "x.toml:2: imap.append_limit: no mail program"},
		{"the keys of an issuer that is not named", "[auth.oidc]\nclient_id = 'x'\n", "x.toml:1: auth.oidc.issuer: without one"},
		{"a negative number", "[limits]\nconnections = -1\n", "x.toml:2: limits.connections: -1 is negative"},
		{"a negative size", "[smtp]\nmax_size = -1\n", "x.toml:2: smtp.max_size: -1 is negative"},
		{"a limit of messages below what clients expect", "[imap]\nmessage_limit = 999\n", "x.toml:2: imap.message_limit: 999 is less than the 1000"},
		{"fewer recipients than every server takes", "[smtp]\nmax_recipients = 5\n", "x.toml:2: smtp.max_recipients: 5 is less than the 100"},
		{"the hostname of the machine is judged without a line", "data_dir = ''\n", "x.toml:1: data_dir: a data folder is needed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseConfig("x.toml", []byte(test.file))
			if err == nil || !strings.Contains("\n"+err.Error(), "\n"+test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestLineOf(t *testing.T) {
	file := []byte("a = 1\n[b]\nc = 2\nd.e = 3\n[[r]]\nx = 1\n[[r]]\n\nx = 2\n[f.g]\nh = 1\n")
	for _, test := range []struct {
		key  string
		nth  int
		want int
	}{{"a", 0, 1}, {"b", 0, 2}, {"b.c", 0, 3}, {"b.d.e", 0, 4}, {"r", 0, 5}, {"r", 1, 7}, {"r.x", 1, 9}, {"f.g.h", 0, 11}, {"nothing", 0, 0}, {"r", 2, 0}} {
		if got := lineOf(file, test.key, test.nth); got != test.want {
			t.Errorf("%s %d: line %d, want %d", test.key, test.nth, got, test.want)
		}
	}
}
