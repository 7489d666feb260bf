package interop

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"posthorn/internal/dns/dnstest"
	"posthorn/interop/peer"
	"posthorn/relay/relaytest"
)

// tlsWorld is a Posthorn that sends to Debian's Postfix by many domains, each
// with another policy, to a second Posthorn, and to a server whose certificate
// has expired. An authority of the test signs all certificates but our own.
type tlsWorld struct {
	*testing.T
	here, there *peer.Process
	postfix     *peer.Server
	dns         *dnstest.Server
	port        string
	expired     *relaytest.Server
}

// policies are served to mta-sts.DOMAIN.
var policies = map[string]string{
	"enforce.test": "version: STSv1\r\nmode: enforce\r\nmx: *.postfix.test\r\nmax_age: 86400\r\n",
	"testing.test": "version: STSv1\nmode: testing\nmx: nobody.test\nmax_age: 86400\n",
	"unnamed.test": "version: STSv1\nmode: enforce\nmx: nobody.test\nmax_age: 86400\n",
	"wrong.test":   "version: STSv1\nmode: enforce\nmx: other.test\nmax_age: 86400\n",
	"expired.test": "version: STSv1\nmode: enforce\nmx: old.test\nmax_age: 86400\n",
}

func newTLSWorld(t *testing.T) *tlsWorld {
	t.Helper()
	need(t, "swaks", "python3", "postfix", "dovecot", "openssl")
	needRoot(t) // also for port 443
	free, err := peer.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	w := &tlsWorld{T: t, port: fmt.Sprint(free)}
	ca := relaytest.NewAuthority(t)
	tomorrow := time.Now().Add(24 * time.Hour)
	mx := ca.Server(tomorrow, "mail.postfix.test")
	w.zones(mx)
	w.startPostfix(ca, mx)
	w.startWeb(ca.Server(tomorrow, "mta-sts.enforce.test", "mta-sts.testing.test", "mta-sts.unnamed.test", "mta-sts.wrong.test", "mta-sts.expired.test"))
	w.expired = relaytest.Start(t, w.at("127.0.0.6"), relaytest.Script{"EHLO": "250-old.test\r\n250 STARTTLS"}, ca.Server(time.Now().Add(-time.Hour), "old.test"))
	config := fmt.Sprintf("[dns]\nresolver = %q\n[relay]\nport = %s\nallow_private = true\nca_file = %q\n[queue]\nfirst_retry = \"1s\"\nmax_retry = \"2s\"\n", w.dns.Addr, w.port, ca.File)
	there := ca.Server(tomorrow, "mail.there.test")
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	ca.Write(there, cert, key)
	w.here = serve(t, peer.Posthorn{SMTP: w.at("127.0.0.2"), Config: config})
	w.there = serve(t, peer.Posthorn{Domain: "there.test", Users: []string{"dora"}, SMTP: w.at("127.0.0.3"),
		Config: config + fmt.Sprintf("[tls]\ncertificate = %q\nkey = %q\n", cert, key)})
	w.there.CA = ca.File
	return w
}

func (w *tlsWorld) at(host string) string { return net.JoinHostPort(host, w.port) }

// digest is the data of a TLSA record 3 1 1.
func digest(c *tls.Config) string {
	sum := sha256.Sum256(c.Certificates[0].Leaf.RawSubjectPublicKeyInfo)
	return "3 1 1 " + hex.EncodeToString(sum[:])
}

func (w *tlsWorld) zones(mx *tls.Config) {
	postfix := dnstest.Node{A: []string{"127.0.0.4"}}
	signed := dnstest.Node{A: []string{"127.0.0.4"}, Signed: true}
	z := dnstest.Zones{
		"example.test": {MX: []string{"10 mail.example.test"}}, "mail.example.test": {A: []string{"127.0.0.2"}},
		"mail.postfix.test": postfix, "other.test": postfix, "old.test": {A: []string{"127.0.0.6"}},
		"implicit.test": postfix, "six.test": {MX: []string{"10 mail6.postfix.test"}}, "mail6.postfix.test": {AAAA: []string{"::1"}},
		"null.test": {MX: []string{"0 ."}}, "bogus.test": {ServFail: true},
		"there.test": {MX: []string{"10 mail.there.test"}, Signed: true}, "mail.there.test": {A: []string{"127.0.0.3"}, Signed: true},
		"wrong.test": {MX: []string{"10 other.test"}}, "expired.test": {MX: []string{"10 old.test"}},
	}
	for _, d := range []string{"enforce.test", "testing.test", "unnamed.test"} {
		z[d] = dnstest.Node{MX: []string{"10 mail.postfix.test"}}
	}
	for d := range policies {
		z["_mta-sts."+d] = dnstest.Node{TXT: []string{"v=STSv1; id=1;"}}
		z["mta-sts."+d] = dnstest.Node{A: []string{"127.0.0.5"}}
	}
	for d, record := range map[string]string{"dane.test": digest(mx), "danewrong.test": "3 1 1 " + strings.Repeat("00", 32), "danefail.test": ""} {
		z[d] = dnstest.Node{MX: []string{"10 mx." + d}, Signed: true}
		z["mx."+d] = signed
		if record != "" {
			z["_"+w.port+"._tcp.mx."+d] = dnstest.Node{TLSA: []string{record}, Signed: true}
		}
	}
	w.dns = dnstest.Start(w.T, z)
	w.dns.Fail("_"+w.port+"._tcp.mx.danefail.test", "TLSA")
}

func (w *tlsWorld) startPostfix(ca *relaytest.Authority, mx *tls.Config) {
	w.Helper()
	dir := w.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tls"), 0o755); err != nil {
		w.Fatal(err)
	}
	ca.Write(mx, filepath.Join(dir, "tls", "server.pem"), filepath.Join(dir, "tls", "server.key"))
	if out, err := exec.Command("cp", ca.File, filepath.Join(dir, "tls", "ca.pem")).CombinedOutput(); err != nil {
		w.Fatalf("cp: %v: %s", err, out)
	}
	var domains, aliases []string
	for _, d := range []string{"enforce", "testing", "unnamed", "wrong", "implicit", "six", "dane", "danewrong", "danefail"} {
		domains = append(domains, d+".test")
		aliases = append(aliases, "{@"+d+".test=emil@postfix.test}")
	}
	var err error
	w.postfix, err = peer.Debian{Dir: dir, Hostname: "mail.postfix.test", Domain: "postfix.test", Users: []string{"emil"}, Password: testPassword,
		SMTP: w.at("127.0.0.4"), MasterExtra: w.at("::1") + " inet n - n - - smtpd",
		PostfixExtra: "inet_protocols = all\ninet_interfaces = 127.0.0.1, ::1\nvirtual_alias_domains = " + strings.Join(domains, " ") +
			"\nvirtual_alias_maps = inline:{" + strings.Join(aliases, " ") + "}\n"}.Start()
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(w.postfix.Stop)
}

// startWeb serves the policies on the port that RFC 8461 §3.3 wants.
func (w *tlsWorld) startWeb(cert *tls.Config) {
	w.Helper()
	ln, err := net.Listen("tcp", "127.0.0.5:443")
	if err != nil {
		leaveOut(w.T, "port 443 of 127.0.0.5 cannot be had: %v", err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/plain")
		rw.Write([]byte(policies[strings.TrimPrefix(r.Host, "mta-sts.")]))
	}))
	s.Listener.Close()
	s.Listener, s.TLS = ln, cert
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	w.Cleanup(s.Close)
}

// arrivesTLS waits for a message at Postfix, which says in its Received field that
// it came over TLS.
func (w *tlsWorld) arrivesTLS(domain string) {
	w.Helper()
	contains(w.T, arrives(w.T, w.postfix, "emil@postfix.test", "Subject: to "+domain+"\r\n"), "with ESMTPS")
}

// waits holds that mail to a domain is in the queue, with these words.
func (w *tlsWorld) waits(domain string, words ...string) {
	w.Helper()
	var out string
	eventually(w.T, "the queue has mail to "+domain+" with "+strings.Join(words, " and "), 20*time.Second, func() bool {
		out, _ = w.here.Verb("", "queue", "list", "--json")
		for _, word := range append(words, "emil@"+domain) {
			if !strings.Contains(out, word) {
				return false
			}
		}
		return true
	})
}

// TestTLSPolicies: MTA-STS, DANE and the ways to a host, with Debian's Postfix on
// the other side.
func TestTLSPolicies(t *testing.T) {
	w := newTLSWorld(t)
	for _, d := range []string{"enforce", "testing", "unnamed", "wrong", "expired", "dane", "danewrong", "danefail", "bogus", "implicit", "six"} {
		submit(t, w.here.Server, address("alice"), "emil@"+d+".test", "to "+d+".test")
	}
	t.Run("MTA-STS enforce", func(t *testing.T) { w.arrivesTLS("enforce.test") })
	t.Run("MTA-STS testing", func(t *testing.T) { w.arrivesTLS("testing.test") })
	t.Run("MTA-STS, a server it does not name", func(t *testing.T) {
		w.waits("unnamed.test", "4.7.5", "mail.postfix.test [127.0.0.4]:"+w.port+" is none of the mail servers that are named by the MTA-STS policy of unnamed.test (id 1")
	})
	t.Run("MTA-STS, another name", func(t *testing.T) { w.waits("wrong.test", "4.7.5", "valid for mail.postfix.test, not other.test") })
	t.Run("MTA-STS, an expired certificate", func(t *testing.T) {
		w.waits("expired.test", "4.7.5", "certificate has expired", "the MTA-STS policy of expired.test")
		if len(w.expired.Mails()) > 0 {
			t.Error("it was delivered")
		}
	})
	t.Run("DANE, the right key", func(t *testing.T) { w.arrivesTLS("dane.test") })
	t.Run("DANE, another key", func(t *testing.T) { w.waits("danewrong.test", "4.7.5", "_tcp.mx.danewrong.test") })
	t.Run("DANE, SERVFAIL", func(t *testing.T) { w.waits("danefail.test", "4.7.5", "SERVFAIL") })
	t.Run("DNSSEC, a bogus domain", func(t *testing.T) { w.waits("bogus.test", "4.4.3") })
	t.Run("implicit MX", func(t *testing.T) { w.arrivesTLS("implicit.test") })
	t.Run("IPv6 only", func(t *testing.T) { w.arrivesTLS("six.test") })
	t.Run("null MX", func(t *testing.T) {
		submit(t, w.here.Server, address("carol"), "who@null.test", "to a domain without mail")
		contains(t, arrives(t, w.here.Server, address("carol"), "multipart/report"), "Status: 5.1.10")
	})
	t.Run("what was counted", func(t *testing.T) {
		if err := w.here.Restart(); err != nil { // the counts are written at the end
			t.Fatal(err)
		}
		out, err := w.here.Verb("", "tls")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"enforce.test sts 1 ok", "unnamed.test sts * validation-failure", "wrong.test sts * certificate-host-mismatch", "expired.test sts * certificate-expired",
			"dane.test tlsa 1 ok", "danewrong.test tlsa * validation-failure", "danefail.test tlsa * dnssec-invalid", "implicit.test no-policy-found 1 ok"} {
			pattern := `(?m) ` + strings.ReplaceAll(strings.ReplaceAll(regexp.QuoteMeta(want), " ", " +"), `\*`, `\d+`)
			if !regexp.MustCompile(pattern).MatchString(out) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	})
	t.Run("a policy outlives a restart, the DNS and the web", func(t *testing.T) {
		w.dns.Set("_mta-sts.wrong.test", dnstest.Node{ServFail: true})
		w.dns.Set("_mta-sts.enforce.test", dnstest.Node{TXT: []string{"v=STSv1; id=2;"}})
		w.dns.Set("mta-sts.enforce.test", dnstest.Node{})
		if err := w.here.Restart(); err != nil {
			t.Fatal(err)
		}
		submit(t, w.here.Server, address("alice"), "emil@enforce.test", "again")
		arrives(t, w.postfix, "emil@postfix.test", "Subject: again\r\n")
		if _, err := w.here.Verb("", "queue", "retry", "--all"); err != nil {
			t.Fatal(err)
		}
		w.waits("wrong.test", "4.7.5", "valid for mail.postfix.test, not other.test")
	})
	t.Run("REQUIRETLS to a server that knows it", func(t *testing.T) {
		python(t, w.here.Server, "requiretls.py", address("bob"), "dora@there.test", "under seal")
		contains(t, arrives(t, w.there.Server, "dora@there.test", "Subject: under seal"), "with ESMTPS")
	})
	t.Run("REQUIRETLS to a server that does not", func(t *testing.T) {
		python(t, w.here.Server, "requiretls.py", address("bob"), "emil@dane.test", "not for postfix")
		report := arrives(t, w.here.Server, address("bob"), "multipart/report")
		contains(t, report, "Status: 5.7.30", "emil@dane.test")
		if strings.Contains(report, "the secret text") {
			t.Error("the report has the body")
		}
	})
}

// TestPostfixVerifiesUs: Postfix's own client finds this server's TLSA record, as
// `posthorn domain dns` prints it, and trusts it by that alone; another record it
// does not. Postfix asks the resolver of the machine, so it runs where
// /etc/resolv.conf is another.
func TestPostfixVerifiesUs(t *testing.T) {
	need(t, "posttls-finger", "unshare")
	needRoot(t)
	if out, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil {
		leaveOut(t, "no mount namespaces here: %v: %s", err, out)
	}
	free, err := peer.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(free)
	here := serve(t, peer.Posthorn{SMTP: net.JoinHostPort("127.0.0.2", port)})
	record := ""
	out, err := here.Verb("", "domain", "dns", testDomain)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out) {
		if _, value, ok := strings.Cut(strings.TrimSpace(line), "_25._tcp.mail.example.test. IN TLSA "); ok {
			record = value
		}
	}
	if record == "" {
		t.Fatalf("no TLSA record in\n%s", out)
	}
	dns := dnstest.StartOn(t, "127.0.0.53:53", dnstest.Zones{
		"example.test": {MX: []string{"10 mail.example.test"}, Signed: true}, "mail.example.test": {A: []string{"127.0.0.2"}, Signed: true},
	})
	resolv := file(t, "resolv.conf", "nameserver 127.0.0.53\noptions edns0 trust-ad\n")
	if err := os.Chmod(resolv, 0o644); err != nil { // it is read after root is given up
		t.Fatal(err)
	}
	finger := func(tlsa string) string {
		t.Helper()
		dns.Set("_"+port+"._tcp.mail.example.test", dnstest.Node{TLSA: []string{tlsa}, Signed: true})
		out, _ := program(t, "", "unshare", "-m", "sh", "-c", "mount --bind "+resolv+" /etc/resolv.conf && exec posttls-finger -c -l dane -L summary '[mail.example.test]:"+port+"'")
		return out
	}
	contains(t, finger(record), "Verified TLS connection established to mail.example.test[127.0.0.2]:"+port)
	out, _ = program(t, "", "posttls-finger", "-c", "-l", "secure", "-F", here.CA, "-L", "summary", "[127.0.0.2]:"+port, "mail.example.test")
	contains(t, out, "Verified TLS connection established to 127.0.0.2[127.0.0.2]:"+port)
	if out := finger("3 1 1 " + strings.Repeat("00", 32)); strings.Contains(out, "Verified") || !strings.Contains(out, "Untrusted TLS connection") {
		t.Errorf("with another record: %s", out)
	}
}
