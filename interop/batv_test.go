package interop

import (
	"strings"
	"testing"

	"posthorn/interop/peer"
)

// asStranger gives a message to the MX port from a return path and tells what was
// said to it, the replies to RCPT and to the content.
func asStranger(t *testing.T, s *peer.Server, from, to, content string) string {
	t.Helper()
	said, _ := program(t, "", "swaks", "--server", s.SMTP, "--helo", "mail.stranger.test", "--from", from, "--to", to, // it fails where it is refused
		"--data", "@"+file(t, "message", content))
	_, replies, _ := strings.Cut(said, "RCPT TO:")
	var all []string
	for line := range strings.Lines(replies) {
		if _, reply, ok := strings.Cut(line, "<"); ok && (strings.HasPrefix(line, "<-") || strings.HasPrefix(line, "<*")) {
			all = append(all, strings.TrimSpace(strings.TrimLeft(reply, "-*<~ ")))
		}
	}
	return strings.Join(all, "\n")
}

// Our mail leaves with a tagged return path. Postfix's bounce comes back to the
// tag and is in INBOX; one that somebody forged to the plain address is refused.
func TestTaggedReturnPaths(t *testing.T) {
	w := newWorld(t, true, "[mda]\nbatv = true\n")
	alice, here := address("alice"), w.here.Server
	submit(t, here, alice, "late@postfix.test", "to somebody who moved", "--header", "Message-Id: <genuine@example.test>")
	genuine := arrives(t, here, alice, "Undelivered Mail Returned to Sender")
	contains(t, genuine, "Return-Path: <>", "X-Postfix-Sender: rfc822; prvs=", "for <alice@example.test>", "Final-Recipient: rfc822; late@postfix.test")
	out, err := w.here.Verb("", "trace", "genuine@example.test")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, out, "bounced", "from "+alice)

	submit(t, here, alice, "emil@postfix.test", "with a tag")
	got := arrives(t, w.postfix, "emil@postfix.test", "Subject: with a tag")
	_, tagged, _ := strings.Cut(got, "Return-Path: <")
	tagged, _, _ = strings.Cut(tagged, ">")
	if !strings.HasPrefix(tagged, "prvs=") || !strings.HasSuffix(tagged, "="+alice) {
		t.Fatalf("it left from %s", tagged)
	}
	submit(t, here, alice, address("bob"), "to a colleague")
	contains(t, arrives(t, here, address("bob"), "Subject: to a colleague"), "Return-Path: <"+alice+">")

	forged := genuine[strings.Index(genuine, "From: "):] // the trace is not the forger's
	forged = strings.NewReplacer("genuine@example.test", "forged@example.test", "DKIM-Signature:", "X-Old-Signature:").Replace(forged)
	mdn := "From: emil@postfix.test\r\nSubject: read\r\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n--b\r\n\r\nRead.\r\n--b\r\n" +
		"Content-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822;emil@postfix.test\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--b--\r\n"
	for _, c := range []struct{ what, from, to, content, want string }{
		{"a forged bounce", "<>", alice, forged, "550 5.7.1"},
		{"a forged bounce that brings nothing back", "<>", alice, forged[:strings.Index(forged, "Content-Type: message/rfc822")] + "\r\n", "550 5.7.1"},
		{"a bounce to a tag of somebody else", "<>", strings.Replace(tagged, "=alice", "=bob", 1), forged, "550 5.7.1"},
		{"a receipt", "<>", alice, mdn, "250 2.0.0"},
		{"an answer to the return path", "<>", tagged, "From: emil@postfix.test\r\nAuto-Submitted: auto-replied\r\nSubject: away\r\n\r\nI am away.\r\n", "250 2.0.0"},
		{"mail to the tag", "emil@postfix.test", strings.Replace(tagged, "prvs=", "PRVS=", 1), "From: emil@postfix.test\r\nSubject: for you\r\n\r\nHello.\r\n", "250 2.0.0"},
		{"mail to a bad tag", "emil@postfix.test", strings.Replace(tagged, "=alice", "=bob", 1), "From: emil@postfix.test\r\nSubject: for bob\r\n\r\nHello.\r\n", "250 2.0.0"},
	} {
		if said := asStranger(t, here, c.from, c.to, c.content); !strings.Contains(said, c.want) {
			t.Errorf("%s: %s", c.what, said)
		}
	}
	for user, subjects := range map[string][]string{"alice": {"Subject: read", "Subject: away", "Subject: for you"}, "bob": {"Subject: for bob"}} {
		for _, s := range subjects {
			contains(t, arrives(t, here, address(user), s), "for <"+address(user)+">")
		}
		for _, box := range []string{"INBOX", "Junk"} {
			for _, m := range mailbox(t, here, address(user), box) {
				if strings.Contains(m, "forged@example.test") {
					t.Errorf("in %s of %s:\n%s", box, user, m)
				}
			}
		}
	}
	if out, err = w.here.Verb("", "trace", alice); err != nil || strings.Contains(out, "to prvs=") {
		t.Errorf("%v: %s", err, out)
	}
	if n := strings.Count(out, " refused "); n != 2 {
		t.Errorf("%d forged bounces are on record as refused:\n%s", n, out)
	}
}
