package interop

import (
	"strings"
	"testing"

	"posthorn/interop/peer"
)

func TestSwaks(t *testing.T) {
	need(t, "swaks", "python3")
	pr := serve(t, peer.Posthorn{})
	if _, err := pr.Verb("", "user", "quota", address("carol"), "1K"); err != nil {
		t.Fatal(err)
	}
	send := func(to string, more ...string) (string, int) {
		out, err := program(t, "", "swaks", swaksArgs(pr.SMTP, to, more...)...)
		return out, exitCode(err)
	}
	t.Run("to a user", func(t *testing.T) {
		out, code := send(address("alice"), "--header", "Subject: hello from swaks")
		if code != 0 {
			t.Fatalf("exit %d\n%s", code, out)
		}
		got := inbox(t, pr.Server, address("alice"))
		if len(got) != 1 || !strings.Contains(got[0], "Subject: hello from swaks") {
			t.Fatalf("INBOX holds %q", got)
		}
		contains(t, got[0], "Return-Path: <stranger@elsewhere.test>\r\n", "Received: from client.elsewhere.test")
	})
	t.Run("with STARTTLS", func(t *testing.T) {
		out, code := send(address("bob"), "--tls")
		if code != 0 {
			t.Fatalf("exit %d\n%s", code, out)
		}
		contains(t, inbox(t, pr.Server, address("bob"))[0], "with ESMTPS")
	})
	t.Run("to an unknown user", func(t *testing.T) {
		out, code := send(address("nobody"))
		contains(t, out, "<** 550 5.1.1")
		if code != 24 { // swaks: no recipient was accepted
			t.Errorf("exit %d", code)
		}
	})
	t.Run("to a full mailbox", func(t *testing.T) {
		out, _ := send(address("carol"), "--body", strings.Repeat("x", 2000))
		if strings.Contains(out, "<** 452 4.2.2") {
			return // the size was announced
		}
		out, code := send(address("carol"))
		contains(t, out, "<** 452 4.2.2")
		if code != 24 {
			t.Errorf("exit %d", code)
		}
	})
	t.Run("to a foreign domain", func(t *testing.T) {
		out, _ := send("someone@foreign.test")
		contains(t, out, "<** 550 5.7.1")
	})
	t.Run("submission wants a login", func(t *testing.T) {
		out, _ := program(t, "", "swaks", "--server", pr.Submission, "--tls", "--from", address("alice"), "--to", address("bob"))
		contains(t, out, "<~* 530 5.7.0")
	})
	t.Run("submission with a login", func(t *testing.T) {
		for _, mech := range []string{"PLAIN", "LOGIN"} {
			mustRun(t, "", "swaks", "--server", pr.Submission, "--tls", "--auth", mech, "--auth-user", address("alice"),
				"--auth-password", testPassword, "--from", address("alice"), "--to", address("bob"), "--header", "Subject: by "+mech)
		}
		got := inbox(t, pr.Server, address("bob"))
		if len(got) != 3 {
			t.Fatalf("bob has %d messages, not 3", len(got))
		}
		if strings.Contains(got[2], "127.0.0.1") {
			t.Errorf("the client's address is in the message:\n%s", got[2])
		}
	})
	t.Run("submission with a foreign sender", func(t *testing.T) {
		out, _ := program(t, "", "swaks", "--server", pr.Submission, "--tls", "--auth", "PLAIN", "--auth-user", address("alice"),
			"--auth-password", testPassword, "--from", address("bob"), "--to", address("bob"))
		contains(t, out, "553 5.7.1")
	})
	t.Run("submission with a wrong password", func(t *testing.T) {
		out, _ := program(t, "", "swaks", "--server", pr.Submission, "--tls", "--auth", "PLAIN", "--auth-user", address("alice"),
			"--auth-password", "wrong", "--from", address("alice"), "--to", address("bob"))
		contains(t, out, "535 5.7.8")
	})
}
