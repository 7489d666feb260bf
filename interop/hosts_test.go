package interop

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"posthorn/internal/dns/dnstest"
	"posthorn/interop/peer"
)

// hostsWorld is a Posthorn that sends to Debian's Postfix, which takes neither
// 8-bit octets nor SMTPUTF8; it is the way out for one sender, with a login, and
// the primary of a domain that we are the backup of.
type hostsWorld struct {
	here    *peer.Process
	postfix *peer.Server
	dns     *dnstest.Server
}

func newHostsWorld(t *testing.T) *hostsWorld {
	t.Helper()
	need(t, "swaks", "python3", "postfix", "dovecot", "openssl")
	needRoot(t)
	port, err := peer.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	at := func(host string) string { return net.JoinHostPort(host, fmt.Sprint(port)) }
	w := &hostsWorld{dns: dnstest.Start(t, dnstest.Zones{
		"example.test": {MX: []string{"10 mail.example.test"}}, "mail.example.test": {A: []string{"127.0.0.2"}},
		"postfix.test": {MX: []string{"10 mail.postfix.test"}}, "mail.postfix.test": {A: []string{"127.0.0.4"}},
		"kept.test": {MX: []string{"10 mx.kept.test", "20 mail.example.test"}}, "mx.kept.test": {A: []string{"127.0.0.4"}, TTL: 1},
	})}
	w.postfix, err = peer.Debian{Dir: t.TempDir(), Hostname: "mail.postfix.test", Domain: "postfix.test", Users: []string{"emil"}, Password: testPassword,
		SMTP: at("127.0.0.4"), Transports: map[string]string{"example.test": at("127.0.0.2")}, PostfixExtra: "smtpd_discard_ehlo_keywords = 8bitmime, smtputf8, chunking\n" +
			"virtual_alias_domains = kept.test\nvirtual_alias_maps = inline:{emil@kept.test=emil@postfix.test}\n"}.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.postfix.Stop)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(testPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("[dns]\nresolver = %q\n[relay]\nport = %d\nallow_private = true\nidle = \"0s\"\n[queue]\nfirst_retry = \"1s\"\nmax_retry = \"2s\"\n",
		w.dns.Addr, port) +
		fmt.Sprintf("[[route]]\nsender = \"bob@example.test\"\nvia = \"127.0.0.1:1\"\nfallback = [%q]\nlogin = \"emil@postfix.test\"\npassword_file = %q\nca_file = %q\n",
			w.postfix.Submission, password, w.postfix.CA)
	w.here = serve(t, peer.Posthorn{SMTP: at("127.0.0.2"), Config: config})
	return w
}

// letterFile writes a message for swaks.
func letterFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "letter.eml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return "@" + file
}

func submitLetter(t *testing.T, s *peer.Server, from, to, letter string) {
	t.Helper()
	mustRun(t, "", "swaks", "--server", s.Submission, "--tls", "--auth", "PLAIN", "--auth-user", from, "--auth-password", testPassword,
		"--from", from, "--to", to, "--data", letter)
}

// signed verifies the DKIM signatures of a message that arrived, by the records
// that `domain dns` prints.
func (w *hostsWorld) signed(t *testing.T, message string) {
	t.Helper()
	zone, err := w.here.Verb("", "domain", "dns", "example.test")
	if err != nil {
		t.Fatal(err)
	}
	lookup := func(name string) ([]string, error) {
		for line := range strings.Lines(zone) {
			if owner, value, ok := strings.Cut(line, ". IN TXT "); ok && owner == name {
				return []string{strings.ReplaceAll(strings.Trim(strings.TrimSpace(value), `"`), `" "`, "")}, nil
			}
		}
		return nil, fmt.Errorf("no record %s", name)
	}
	found, err := dkim.VerifyWithOptions(strings.NewReader(strings.ReplaceAll(strings.ReplaceAll(message, "\r\n", "\n"), "\n", "\r\n")), &dkim.VerifyOptions{LookupTXT: lookup})
	if err != nil || len(found) == 0 {
		t.Fatalf("%v, %d signatures in\n%s", err, len(found), message)
	}
	for _, v := range found {
		if v.Err != nil {
			t.Errorf("signature of %s: %v\n%s", v.Domain, v.Err, message)
		}
	}
}

func TestPostfixThatTakesSevenBits(t *testing.T) {
	w := newHostsWorld(t)
	t.Run("8-bit content is converted and signed", func(t *testing.T) {
		const body = "Grüße aus Köln, where eight bits are common.\n"
		submitLetter(t, w.here.Server, address("alice"), "emil@postfix.test", letterFile(t,
			"From: alice@example.test\nTo: emil@postfix.test\nSubject: eight bits\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"+body))
		got := arrives(t, w.postfix, "emil@postfix.test", "Subject: eight bits")
		contains(t, got, "Content-Transfer-Encoding: quoted-printable", "Gr=C3=BC=C3=9Fe aus K=C3=B6ln")
		if strings.Contains(got, "Content-Transfer-Encoding: 8bit") {
			t.Errorf("still 8 bits:\n%s", got)
		}
		w.signed(t, got)
	})
	t.Run("a subject in UTF-8 needs no SMTPUTF8", func(t *testing.T) {
		submitLetter(t, w.here.Server, address("alice"), "emil@postfix.test", letterFile(t,
			"From: alice@example.test\nTo: emil@postfix.test\nSubject: Grüße\n\nraw subject\n"))
		got := arrives(t, w.postfix, "emil@postfix.test", "raw subject")
		contains(t, got, "Subject: =?utf-8?b?R3LDvMOfZQ==?=")
		w.signed(t, got)
	})
	t.Run("what its author signed comes back", func(t *testing.T) {
		submitLetter(t, w.here.Server, address("alice"), "emil@postfix.test", letterFile(t,
			"From: alice@example.test\nTo: emil@postfix.test\nSubject: signed eight bits\nMIME-Version: 1.0\nContent-Type: multipart/signed; boundary=b\n\n--b\n\nGrüße\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n"))
		contains(t, arrives(t, w.here.Server, address("alice"), "Status: 5.6.3"), "emil@postfix.test")
	})
	t.Run("one sender's mail goes by her login", func(t *testing.T) {
		submit(t, w.here.Server, address("bob"), "emil@postfix.test", "by login")
		submit(t, w.here.Server, address("alice"), "emil@postfix.test", "by the DNS")
		contains(t, arrives(t, w.postfix, "emil@postfix.test", "Subject: by login"), "with ESMTPSA", "Return-Path: <bob@example.test>")
		if got := arrives(t, w.postfix, "emil@postfix.test", "Subject: by the DNS"); strings.Contains(strings.SplitN(got, "Subject:", 2)[0], "with ESMTPSA id") && strings.Contains(got, "by mail.postfix.test (Postfix) with ESMTPSA") {
			t.Errorf("it went by another's login:\n%s", got)
		}
	})
}

// submitWithReceipt asks for a receipt, with all parameters of RFC 3461.
const submitWithReceipt = `
import smtplib, ssl, sys
host, port, password, orcpt = sys.argv[1:5]
s = smtplib.SMTP(host, int(port))
s.starttls(context=ssl._create_unverified_context())
s.login("alice@example.test", password)
s.sendmail("alice@example.test", ["emil@postfix.test"], "From: alice@example.test\r\nSubject: receipt, please\r\n\r\nx\r\n",
           mail_options=["RET=HDRS", "ENVID=QQ+2B1"], rcpt_options=["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;" + orcpt])
s.quit()
`

// A wish for a receipt goes along with the message, and the host that knows what
// became of it grants it: to Postfix its Dovecot is another that knows no DSN.
func TestReceiptFromPostfix(t *testing.T) {
	w := newHostsWorld(t)
	host, port := split(t, w.here.Submission)
	mustRun(t, submitWithReceipt, "python3", "-", host, port, testPassword, "first+2Bone@there.invalid")
	got := arrives(t, w.here.Server, address("alice"), "Action: relayed")
	contains(t, got, "Reporting-MTA: dns; mail.postfix.test", "Original-Envelope-Id: QQ+1", "Original-Recipient: rfc822;first+one@there.invalid",
		"Final-Recipient: rfc822; emil@postfix.test", "Status: 2.0.0")
}

func TestBackupOfPostfix(t *testing.T) {
	w := newHostsWorld(t)
	if _, err := w.here.Verb("", "domain", "add", "kept.test", "--backup", "--keep", "10d"); err != nil {
		t.Fatal(err)
	}
	send := func(to, subject string) (string, error) {
		return program(t, "", "swaks", "--server", w.here.SMTP, "--from", "someone@postfix.test", "--to", to, "--header", "Subject: "+subject)
	}
	if out, err := send("emil@kept.test", "primary up"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	arrives(t, w.postfix, "emil@postfix.test", "Subject: primary up")
	if out, err := send("nobody@kept.test", "unknown"); err == nil || !strings.Contains(out, "550 5.1.1 The server of kept.test has no such mailbox") {
		t.Errorf("an unknown user: %v\n%s", err, out)
	}

	w.dns.Set("mx.kept.test", dnstest.Node{A: []string{"127.0.0.9"}, TTL: 1}) // nobody is there
	time.Sleep(1500 * time.Millisecond)                                       // what the resolver remembers runs out
	if out, err := send("emil@kept.test", "primary down"); err != nil {
		t.Errorf("a known user: %v\n%s", err, out)
	}
	if out, err := send("new@kept.test", "unverified"); err == nil || !strings.Contains(out, "451 4.4.1 The server of kept.test cannot be asked") {
		t.Errorf("a user nobody knows: %v\n%s", err, out)
	}
	eventually(t, "the message waits", 20*time.Second, func() bool {
		out, err := w.here.Verb("", "queue", "list", "--json")
		return err == nil && strings.Contains(out, "emil@kept.test") && strings.Contains(out, "mx.kept.test")
	})
	w.dns.Set("mx.kept.test", dnstest.Node{A: []string{"127.0.0.4"}, TTL: 1})
	arrives(t, w.postfix, "emil@postfix.test", "Subject: primary down")
}
