package interop

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"posthorn/internal/dns/dnstest"
	"posthorn/interop/peer"
)

// world is two Posthorns and, when root, a Postfix, on one port number of
// three loopback addresses, and the DNS that leads between them.
type world struct {
	here, there *peer.Process
	postfix     *peer.Server
}

// newWorld starts one; more is for the config of the Posthorn here.
func newWorld(t *testing.T, withPostfix bool, more ...string) *world {
	t.Helper()
	need(t, "swaks", "python3")
	if withPostfix {
		needRoot(t)
		need(t, "postfix", "dovecot")
	}
	port, err := peer.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	at := func(host string) string { return net.JoinHostPort(host, fmt.Sprint(port)) }
	dns := dnstest.Start(t, dnstest.Zones{
		"example.test":      {MX: []string{"10 mail.example.test"}},
		"mail.example.test": {A: []string{"127.0.0.2"}},
		"there.test":        {MX: []string{"5 dead.there.test", "10 mail.there.test"}, TXT: []string{"v=spf1 ip4:127.0.0.0/8 -all"}},
		"dead.there.test":   {A: []string{"127.0.0.9"}},
		"mail.there.test":   {A: []string{"127.0.0.3"}},
		"postfix.test":      {MX: []string{"10 mail.postfix.test"}},
		"mail.postfix.test": {A: []string{"127.0.0.4"}},
		"null.test":         {MX: []string{"0 ."}},
	})
	config := fmt.Sprintf("[dns]\nresolver = %q\n[relay]\nport = %d\nallow_private = true\n[queue]\nfirst_retry = \"1s\"\nmax_retry = \"2s\"\n", dns.Addr, port)
	w := &world{
		here:  serve(t, peer.Posthorn{SMTP: at("127.0.0.2"), Config: config + strings.Join(more, "")}),
		there: serve(t, peer.Posthorn{Domain: "there.test", Users: []string{"dora"}, SMTP: at("127.0.0.3"), Config: config}),
	}
	if withPostfix {
		w.postfix, err = peer.Debian{Dir: t.TempDir(), Hostname: "mail.postfix.test", Domain: "postfix.test", Users: []string{"emil"}, Password: testPassword,
			SMTP: at("127.0.0.4"), Transports: map[string]string{"example.test": "127.0.0.2:" + fmt.Sprint(port)},
			// late@ is taken at RCPT, and only then found to be nobody; ring@ leads back to us.
			PostfixExtra: "virtual_alias_maps = inline:{ {ring@postfix.test=ring@example.test} }\nvirtual_mailbox_maps = inline:{ {emil@postfix.test=x} {late@postfix.test=x} }"}.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.postfix.Stop)
	}
	return w
}

func submit(t *testing.T, s *peer.Server, from, to, subject string, more ...string) {
	t.Helper()
	mustRun(t, "", "swaks", append([]string{"--server", s.Submission, "--tls", "--auth", "PLAIN", "--auth-user", from, "--auth-password", testPassword,
		"--from", from, "--to", to, "--header", "Subject: " + subject}, more...)...)
}

// arrives waits for a message with a text in INBOX and gives it.
func arrives(t *testing.T, s *peer.Server, user, text string) string {
	t.Helper()
	found := python(t, s, "fetch.py", user, "INBOX", text)
	if found == "" {
		t.Fatalf("after half a minute still not: %q is in the INBOX of %s", text, user)
	}
	return found
}

func TestRelayToPosthorn(t *testing.T) {
	w := newWorld(t, false)
	submit(t, w.here.Server, address("alice"), "dora@there.test", "to the other posthorn")
	got := arrives(t, w.there.Server, "dora@there.test", "Subject: to the other posthorn")
	contains(t, got, "DKIM-Signature:", "with ESMTPS", "Return-Path: <alice@example.test>")
	if _, ours, _ := strings.Cut(got, "DKIM-Signature:"); strings.Contains(ours, "127.0.0.1") || strings.Contains(ours, "client.elsewhere.test") {
		t.Errorf("the submitter's address went out:\n%s", got)
	}

	t.Run("unknown user comes back as a bounce", func(t *testing.T) {
		submit(t, w.here.Server, address("alice"), "nobody@there.test", "to nobody")
		got := arrives(t, w.here.Server, address("alice"), "multipart/report")
		contains(t, got, "Return-Path: <>", "MAILER-DAEMON@", "nobody@there.test", "Action: failed", "Status: 5.1.1", "550 5.1.1", "Auto-Submitted: auto-replied", "Subject: to nobody")
	})
	t.Run("null MX comes back as a bounce", func(t *testing.T) {
		submit(t, w.here.Server, address("bob"), "who@null.test", "to a domain without mail")
		contains(t, arrives(t, w.here.Server, address("bob"), "multipart/report"), "Status: 5.1.10")
	})
	t.Run("waits while the peer is down", func(t *testing.T) {
		w.there.Signal(syscall.SIGKILL)
		submit(t, w.here.Server, address("alice"), "dora@there.test", "while you were away")
		eventually(t, "the attempt is in the queue's words", 20*time.Second, func() bool {
			out, err := w.here.Verb("", "queue", "list")
			return err == nil && strings.Contains(out, "dora@there.test") && strings.Contains(out, "4.4.1")
		})
		w.here.Signal(syscall.SIGTERM) // and over a restart of our own
		if err := w.here.Serve(); err != nil {
			t.Fatal(err)
		}
		if err := w.there.Serve(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.here.Verb("", "queue", "retry", "--all"); err != nil {
			t.Fatal(err)
		}
		arrives(t, w.there.Server, "dora@there.test", "Subject: while you were away")
		eventually(t, "the queue is empty", 10*time.Second, func() bool {
			out, err := w.here.Verb("", "queue", "list", "--json")
			return err == nil && !strings.Contains(out, "dora")
		})
	})
}

func TestRelayWithPostfix(t *testing.T) {
	w := newWorld(t, true)
	submit(t, w.here.Server, address("alice"), "emil@postfix.test", "to postfix")
	contains(t, arrives(t, w.postfix, "emil@postfix.test", "Subject: to postfix"), "DKIM-Signature:")

	submit(t, w.here.Server, address("alice"), "nobody@postfix.test", "to nobody at postfix")
	contains(t, arrives(t, w.here.Server, address("alice"), "multipart/report"), "Action: failed", "Status: 5.1.1", "nobody@postfix.test")

	mustRun(t, "", "swaks", "--server", w.postfix.Submission, "--tls", "--auth", "PLAIN", "--auth-user", "emil@postfix.test", "--auth-password", testPassword,
		"--from", "emil@postfix.test", "--to", address("bob"), "--header", "Subject: from postfix")
	contains(t, arrives(t, w.here.Server, address("bob"), "Subject: from postfix"), "with ESMTPS", "Return-Path: <emil@postfix.test>")

	// Postfix meets a refusal of ours at RCPT and bounces it by itself.
	mustRun(t, "", "swaks", "--server", w.postfix.Submission, "--tls", "--auth", "PLAIN", "--auth-user", "emil@postfix.test", "--auth-password", testPassword,
		"--from", "emil@postfix.test", "--to", address("nobody"), "--header", "Subject: to nobody here")
	contains(t, arrives(t, w.postfix, "emil@postfix.test", "Undelivered Mail Returned to Sender"), "550 5.1.1")
}
