package interop

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"posthorn/internal/dns/dnstest"
	"posthorn/interop/peer"
)

// submitUTF8 writes to an address, and about something, that is not ASCII.
const submitUTF8 = `
import smtplib, ssl, sys
host, port, password, to = sys.argv[1:5]
s = smtplib.SMTP(host, int(port))
s.starttls(context=ssl._create_unverified_context())
s.login("alice@example.test", password)
letter = "From: alice@example.test\r\nTo: " + to + "\r\nSubject: 你好\r\n\r\nGrüße\r\n"
s.sendmail("alice@example.test", [to], letter.encode(), mail_options=["SMTPUTF8", "BODY=8BITMIME"])
s.quit()
`

// Postfix takes international addresses for one domain, and hands them to a
// program that writes down what it gets, for Dovecot takes none by LMTP. A domain
// that is not ASCII needs no SMTPUTF8: it goes out by its other name.
func TestPostfixThatTakesInternationalAddresses(t *testing.T) {
	need(t, "python3", "postfix", "dovecot")
	needRoot(t)
	port, err := peer.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	at := func(host string) string { return net.JoinHostPort(host, fmt.Sprint(port)) }
	dns := dnstest.Start(t, dnstest.Zones{
		"postfix.test": {MX: []string{"10 mail.postfix.test"}}, "mail.postfix.test": {A: []string{"127.0.0.4"}},
		"xn--kln-sna.test": {MX: []string{"10 mail.postfix.test"}},
	})
	kept := filepath.Join(t.TempDir(), "kept")
	if err := os.WriteFile(kept, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(kept, 0o666); err != nil { // for nobody, whatever the umask
		t.Fatal(err)
	}
	postfix, err := peer.Debian{Dir: t.TempDir(), Hostname: "mail.postfix.test", Domain: "postfix.test", Users: []string{"emil"}, Password: testPassword, SMTP: at("127.0.0.4"),
		PostfixExtra: "smtputf8_enable = yes\nvirtual_mailbox_domains = postfix.test köln.test\nvirtual_mailbox_maps = static:x\nvirtual_transport = keep\n",
		MasterExtra:  "keep unix - n n - 1 pipe\n  flags=DRX user=nobody argv=/usr/bin/tee -a " + kept + "\n"}.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(postfix.Stop)
	here := serve(t, peer.Posthorn{Config: fmt.Sprintf("[dns]\nresolver = %q\n[relay]\nport = %d\nallow_private = true\n", dns.Addr, port)})
	host, submission, err := net.SplitHostPort(here.Submission)
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"用户@postfix.test", "用户@köln.test", "emil@köln.test"} {
		mustRun(t, submitUTF8, "python3", "-", host, submission, testPassword, to)
		local, _, _ := strings.Cut(to, "@")
		got := ""
		eventually(t, to+" has its message", 30*time.Second, func() bool {
			b, err := os.ReadFile(kept)
			if err != nil {
				t.Fatal(err)
			}
			_, got, _ = strings.Cut(string(b), "Delivered-To: "+local+"@")
			return strings.Contains(got, "\n\nGrüße")
		})
		contains(t, got, "with UTF8SMTP", "DKIM-Signature: ", "To: "+to, "Subject: 你好")
		if err := os.Truncate(kept, 0); err != nil {
			t.Fatal(err)
		}
	}
}
