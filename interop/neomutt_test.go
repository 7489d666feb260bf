package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"posthorn/interop/peer"
)

// TestNeomutt keeps a header cache between two visits, while another program
// changes the mailbox, and comes back by QRESYNC.
func TestNeomutt(t *testing.T) {
	need(t, "neomutt", "swaks", "script", "python3")
	pr := serve(t, peer.Posthorn{})
	deliver := func(from, to int) {
		for i := from; i <= to; i++ {
			mustRun(t, "", "swaks", swaksArgs(pr.SMTP, address("alice"), "--header", fmt.Sprintf("Subject: number %02d", i))...)
		}
	}
	deliver(1, 10)
	_, imaps := split(t, pr.IMAPS)
	dir := t.TempDir()
	rc := file(t, "neomuttrc", fmt.Sprintf(`set folder="imaps://localhost:%[1]s/"
set imap_user="%[2]s" imap_pass="%[3]s"
set ssl_ca_certificates_file="%[4]s" ssl_verify_host=no certificate_file="%[4]s"
set header_cache="%[5]s/cache/" message_cachedir="%[5]s/bodies/" imap_condstore=yes imap_qresync=yes imap_idle=yes
set spoolfile="+INBOX" confirmappend=no confirmcreate=no delete=yes quit=yes move=no mark_old=no
`, imaps, address("alice"), testPassword, pr.CA, dir))
	for _, sub := range []string{"cache", "bodies"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	// Each visit tags what it sees with a pattern and copies that to a mailbox
	// of its own.
	visit := func(n int, push string) string {
		t.Helper()
		log := filepath.Join(dir, fmt.Sprintf("log%d", n))
		mustRun(t, "", "timeout", "60", "script", "-qec", fmt.Sprintf(`neomutt -d 2 -l %s -F %s -e 'push "%s"'`, log, rc, push), "/dev/null")
		said, err := os.ReadFile(log + "0")
		if err != nil {
			said, err = os.ReadFile(log)
		}
		if err != nil {
			t.Fatal(err)
		}
		return string(said)
	}
	visit(1, "<tag-pattern>~A<enter><tag-prefix><copy-message>=First<enter><quit>")
	if got := mailbox(t, pr.Server, address("alice"), "First"); len(got) != 10 {
		t.Fatalf("the first visit saw %d of 10 messages", len(got))
	}

	python(t, pr.Server, "do.py", address("alice"), "INBOX", "STORE", "2:3", "+FLAGS", `(\Flagged)`)
	python(t, pr.Server, "do.py", address("alice"), "INBOX", "STORE", "5:6", "+FLAGS", `(\Deleted)`)
	python(t, pr.Server, "do.py", address("alice"), "INBOX", "EXPUNGE")
	deliver(11, 12)

	said := visit(2, "<tag-pattern>~A<enter><tag-prefix><copy-message>=Second<enter><untag-pattern>~A<enter>"+
		"<tag-pattern>~F<enter><tag-prefix><copy-message>=Flagged<enter><untag-pattern>~A<enter><delete-pattern>~s number.01<enter><sync-mailbox><quit>")
	// It takes messages that went and came at once for a failure of its own
	// count, and reads the mailbox again: with Dovecot as well.
	for _, want := range []string{"ENABLE QRESYNC", "(CHANGEDSINCE ", "Handling VANISHED", "IDLE"} {
		if !strings.Contains(said, want) {
			t.Errorf("neomutt did not come to %q", want)
		}
	}
	second := strings.Join(mailbox(t, pr.Server, address("alice"), "Second"), "\n")
	for i := 1; i <= 12; i++ {
		if want := i != 5 && i != 6; strings.Contains(second, fmt.Sprintf("Subject: number %02d", i)) != want {
			t.Errorf("after the resync number %d is seen: %t", i, !want)
		}
	}
	if flagged := mailbox(t, pr.Server, address("alice"), "Flagged"); len(flagged) != 2 {
		t.Errorf("%d messages are flagged, not 2", len(flagged))
	}
	if left := inbox(t, pr.Server, address("alice")); len(left) != 9 || strings.Contains(strings.Join(left, ""), "Subject: number 01") {
		t.Errorf("INBOX holds %d messages, not the 9 that are left", len(left))
	}
}
