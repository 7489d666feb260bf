package interop

import (
	"fmt"
	"strings"
	"testing"

	"posthorn/interop/peer"
)

// TestMutt reads, saves to another folder and sends, as its batch mode and
// its macros allow.
func TestMutt(t *testing.T) {
	need(t, "mutt", "swaks", "python3")
	pr := serve(t, peer.Posthorn{})
	for i := range 3 {
		mustRun(t, "", "swaks", swaksArgs(pr.SMTP, address("alice"), "--header", fmt.Sprintf("Subject: number %d", i))...)
	}
	_, imaps := split(t, pr.IMAPS)
	_, submission := split(t, pr.Submission)
	rc := file(t, "muttrc", fmt.Sprintf(`set folder="imaps://localhost:%s/"
set imap_user="%[3]s" imap_pass="%[4]s" smtp_pass="%[4]s"
set smtp_url="smtp://%[3]s@localhost:%[2]s/" ssl_force_tls=yes certificate_file="%[5]s" ssl_verify_host=no
set from="%[3]s" spoolfile="+INBOX" record="+Sent" copy=yes
set confirmappend=no confirmcreate=no delete=yes quit=yes move=no mark_old=no use_from=yes
set ssl_starttls=yes ssl_ca_certificates_file="%[5]s"
`, imaps, submission, address("alice"), testPassword, pr.CA))

	// Tag all that say "number", copy them to a new folder, delete one, leave.
	mustRun(t, "", "timeout", "60", "script", "-qec", "mutt -F "+rc+
		` -e 'push "<tag-pattern>~s number<enter><tag-prefix><copy-message>=Kept<enter><untag-pattern>~A<enter><delete-pattern>~s 1<enter><sync-mailbox><quit>"'`, "/dev/null")
	if kept := mailbox(t, pr.Server, address("alice"), "Kept"); len(kept) != 3 {
		t.Errorf("Kept holds %d messages, not 3", len(kept))
	}
	left := inbox(t, pr.Server, address("alice"))
	if len(left) != 2 || strings.Contains(strings.Join(left, ""), "Subject: number 1") {
		t.Errorf("INBOX holds %d messages, not the 2 that are left:\n%s", len(left), strings.Join(left, "\n----\n"))
	}

	mustRun(t, "a letter by mutt\n", "mutt", "-F", rc, "-s", "sent by mutt", "--", address("bob"))
	if got := inbox(t, pr.Server, address("bob")); len(got) != 1 || !strings.Contains(got[0], "Subject: sent by mutt") {
		t.Errorf("bob's INBOX holds %q", got)
	}
	if got := mailbox(t, pr.Server, address("alice"), "Sent"); len(got) != 1 {
		t.Errorf("Sent holds %d messages, not 1", len(got))
	}
}

func TestMsmtp(t *testing.T) {
	need(t, "msmtp", "python3")
	pr := serve(t, peer.Posthorn{})
	letter := "From: alice@example.test\r\nTo: bob@example.test\r\nSubject: by msmtp\r\n\r\n.leading dot\r\nFrom the start\r\n"
	for name, addr := range map[string]string{"on": pr.Submission, "off": pr.Submissions} {
		_, port := split(t, addr)
		rc := file(t, "msmtprc", fmt.Sprintf("account default\nhost localhost\nport %s\ntls on\ntls_starttls %s\ntls_trust_file %s\nauth on\nuser %s\npasswordeval echo '%s'\nfrom %s\n",
			port, name, pr.CA, address("alice"), testPassword, address("alice")))
		mustRun(t, letter, "msmtp", "-C", rc, address("bob"))
		out, err := program(t, letter, "msmtp", "-C", rc, "nobody@"+testDomain)
		if err == nil {
			t.Errorf("msmtp sent to a user that does not exist: %s", out)
		}
		contains(t, out, "550 5.1.1")
	}
	got := inbox(t, pr.Server, address("bob"))
	if len(got) != 2 || !strings.Contains(got[1], "\r\n.leading dot\r\nFrom the start\r\n") {
		t.Errorf("bob's INBOX holds %q", got)
	}
}
