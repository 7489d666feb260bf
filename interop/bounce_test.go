package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"posthorn/interop/peer"
)

// deliverAsStranger gives a message to the MX port, from a return path, as it is in
// content.
func deliverAsStranger(t *testing.T, s *peer.Server, from, to, content string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "message")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if from == "" {
		from = "<>"
	}
	mustRun(t, "", "swaks", "--server", s.SMTP, "--helo", "mail.stranger.test", "--from", from, "--to", to, "--data", "@"+file)
}

// Postfix takes what our user sent and finds later that it cannot be delivered:
// its bounce is in INBOX, and filed with the mail. A bounce that somebody forged
// from alice's address, with an id she never used, is in Junk.
func TestBounces(t *testing.T) {
	w := newWorld(t, true)
	submit(t, w.here.Server, address("alice"), "late@postfix.test", "to somebody who moved", "--header", "Message-Id: <genuine@example.test>")
	genuine := arrives(t, w.here.Server, address("alice"), "Undelivered Mail Returned to Sender")
	contains(t, genuine, "Return-Path: <>", "Subject: to somebody who moved", "Final-Recipient: rfc822; late@postfix.test")

	forged := strings.ReplaceAll(genuine, "genuine@example.test", "forged@example.test")
	forged = forged[strings.Index(forged, "From: "):] // the trace and, with its From, the signature are not the forger's
	forged = strings.ReplaceAll(strings.ReplaceAll(forged, "DKIM-Signature:", "X-Old-Signature:"), "to somebody who moved", "forged")
	deliverAsStranger(t, w.here.Server, "", address("alice"), forged)
	junk := mailbox(t, w.here.Server, address("alice"), "Junk")
	if len(junk) != 1 || !strings.Contains(junk[0], "Subject: forged") {
		t.Errorf("in Junk:\n%s\nin INBOX:\n%s", strings.Join(junk, "\n"), strings.Join(inbox(t, w.here.Server, address("alice")), "\n"))
	}
	// The same with a return path, and to somebody who never wrote to them.
	deliverAsStranger(t, w.here.Server, "daemon@there.test", address("alice"), forged)
	deliverAsStranger(t, w.here.Server, "", address("bob"), strings.ReplaceAll(forged, "forged@example.test", "genuine@example.test"))
	if n := len(mailbox(t, w.here.Server, address("alice"), "Junk")); n != 2 {
		t.Errorf("%d in Junk of alice", n)
	}
	if n := len(mailbox(t, w.here.Server, address("bob"), "Junk")); n != 1 {
		t.Errorf("%d in Junk of bob", n)
	}
	for _, user := range []string{"alice", "bob"} {
		for _, m := range inbox(t, w.here.Server, address(user)) {
			if strings.Contains(m, "forged") {
				t.Errorf("in the INBOX of %s:\n%s", user, m)
			}
		}
	}
	// A qmail of somewhere, and one who brings nothing back.
	deliverAsStranger(t, w.here.Server, "", address("alice"), "From: MAILER-DAEMON@stranger.test\r\nSubject: failure notice\r\n\r\nHi. This is the qmail-send program at stranger.test.\r\n\r\n<late@postfix.test>:\r\n"+
		"Sorry, no mailbox here by that name. (#5.1.1)\r\n\r\n--- Below this line is a copy of the message.\r\n\r\nReturn-Path: <alice@example.test>\r\nMessage-ID: <genuine@example.test>\r\nFrom: alice@example.test\r\nSubject: hi\r\n\r\n")
	deliverAsStranger(t, w.here.Server, "", address("alice"), "From: MAILER-DAEMON@stranger.test\r\nSubject: nothing came along\r\n\r\nIt failed.\r\n")
	arrives(t, w.here.Server, address("alice"), "qmail-send program")
	arrives(t, w.here.Server, address("alice"), "Subject: nothing came along")

	out, err := w.here.Verb("", "trace", "genuine@example.test")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "bounced", "late@postfix.test", "550 5.1.1")
	if out, err := w.here.Verb("", "trace", "forged@example.test"); err == nil && strings.Contains(out, "bounced") {
		t.Errorf("a forged bounce is in the life of a mail:\n%s", out)
	}
}
