package interop

import (
	"strings"
	"testing"

	"posthorn/interop/peer"
)

func TestCurl(t *testing.T) {
	need(t, "curl")
	pr := serve(t, peer.Posthorn{})
	login := address("alice") + ":" + testPassword
	curl := func(args ...string) string {
		return mustRun(t, "", "curl", append([]string{"-sS", "--cacert", pr.CA, "--resolve", "mail.example.test:993:127.0.0.1",
			"--connect-timeout", "10", "-u", login}, args...)...)
	}
	host := func(addr string) string {
		_, port := split(t, addr)
		return "localhost:" + port
	}
	letter := file(t, "letter", "From: alice@example.test\r\nTo: alice@example.test\r\nSubject: by curl\r\n\r\nhello\r\n")
	curl("--ssl-reqd", "smtp://"+host(pr.Submission)+"/client.example.test", "--mail-from", address("alice"), "--mail-rcpt", address("alice"), "-T", letter)
	curl("smtps://"+host(pr.Submissions)+"/client.example.test", "--mail-from", address("alice"), "--mail-rcpt", address("alice"), "-T", letter)
	curl("imaps://"+host(pr.IMAPS)+"/INBOX", "-T", letter) // APPEND

	contains(t, curl("imaps://"+host(pr.IMAPS)), "INBOX", `\Sent`)
	contains(t, curl("imaps://"+host(pr.IMAPS)+"/INBOX;UID=1"), "Subject: by curl")
	contains(t, curl("--ssl-reqd", "imap://"+host(pr.IMAP)+"/INBOX;UID=3;SECTION=TEXT"), "hello")
	contains(t, curl("imaps://"+host(pr.IMAPS)+"/INBOX?SUBJECT%20curl"), "* SEARCH 1 2 3")
	contains(t, curl("imaps://"+host(pr.IMAPS)+"/INBOX", "-X", `STORE 1 +FLAGS \Deleted`), `\Deleted`)
	contains(t, curl("--sasl-ir", "imaps://"+host(pr.IMAPS)+"/INBOX", "-X", "EXPUNGE"), "* 1 EXPUNGE")

	if got := strings.Count(curl("pop3s://"+host(pr.POP3S)), "\n"); got != 2 {
		t.Errorf("POP3 lists %d messages, not 2", got)
	}
	contains(t, curl("--ssl-reqd", "pop3://"+host(pr.POP3)+"/1"), "Subject: by curl")
	curl("pop3s://"+host(pr.POP3S)+"/1", "-X", "DELE", "-I")
	if got := strings.Count(curl("pop3s://"+host(pr.POP3S)), "\n"); got != 1 {
		t.Errorf("after DELE POP3 lists %d messages, not 1", got)
	}
}
