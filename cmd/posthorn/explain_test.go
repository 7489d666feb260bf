package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// explain needs no server, no config and no data folder: the working folder of a
// test has none.
func TestExplain(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct {
		name  string
		args  []string
		input string
		want  []string
	}{
		{"a reply", []string{"550 5.7.26 Your email has been blocked because the sender is unauthenticated."}, "",
			[]string{"could not verify that the message comes from your domain", "not tried again", "the administrator of this server", `"posthorn domain dns OUR-DOMAIN"`, "Status in a report: 5.7.26"}},
		{"words of a shell", []string{"550", "5.1.1", "No", "such", "user"}, "", []string{"There is no mailbox of that name", "its sender"}},
		{"a status code", []string{"5.7.26"}, "", []string{"550 5.7.26", "Status in a report: 5.7.26"}},
		{"a bare code", []string{"421"}, "", []string{"takes no mail just now", "waits and is tried again"}},
		{"a full mailbox", []string{"4.2.2"}, "", []string{"mailbox is full", "After 3 days"}},
		{"a log of Postfix", []string{"Nov  2 10:00:00 mx postfix/smtp[99]: ABC: to=<bob@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1, dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.1] said: 550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown (in reply to RCPT TO command))"}, "",
			[]string{"550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown\n", "no mailbox of that name"}},
		{"a log of Exim", []string{"** bob@example.org R=dnslookup T=remote_smtp: SMTP error from remote mail server after RCPT TO:<bob@example.org>: 550 relay not permitted"}, "", []string{"is not responsible for that address"}},
		{"a report", []string{"-"}, "Final-Recipient: rfc822; bob@example.org\r\nAction: failed\r\nStatus: 5.7.1\r\nDiagnostic-Code: smtp; 554 5.7.1 Service unavailable; Client host\r\n\t[203.0.113.9] blocked using zen.spamhaus.org\r\n",
			[]string{"on a list of senders", "every 15 minutes", "After 1 day", "told by mail", "Our address 203.0.113.9 is blocked.", "The list is Spamhaus.", "https://check.spamhaus.org/"}},
		{"several lines", []string{"-"}, "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550 5.1.1 double-checking the recipient's address - gsmtp\n", []string{"no mailbox of that name"}},
		{"taken", []string{"250 2.0.0 Ok: queued"}, "", []string{"nothing is wrong"}},
		{"too much mail", []string{"421 4.7.28 unusual rate of unsolicited mail"}, "", []string{"no more than 1 a minute"}},
	} {
		var out, errs strings.Builder
		if code := run(t.Context(), append([]string{"explain"}, tt.args...), strings.NewReader(tt.input), &out, &errs); code != exitDone {
			t.Errorf("%s: exit %d: %s", tt.name, code, errs.String())
		}
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: without %q:\n%s", tt.name, want, out.String())
			}
		}
	}
}

func TestExplainJSON(t *testing.T) {
	t.Chdir(t.TempDir())
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"explain", "--json", "554 5.7.1 Client host [203.0.113.9] blocked using zen.spamhaus.org"}, strings.NewReader(""), &out, &errs); code != exitDone {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	var e explained
	if err := json.Unmarshal([]byte(out.String()), &e); err != nil {
		t.Fatal(err)
	}
	if e.Kind != "blocked" || e.Decision != "hold" || e.WaitSeconds != 900 || e.LimitSeconds != 86400 || !e.Told || e.Who != "us" || e.Language != "en" || len(e.What) == 0 || len(e.Admin) == 0 {
		t.Errorf("%+v", e)
	}
}

func TestExplainNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	for args, want := range map[string]int{"explain": exitUsage, "explain hello there": exitFailed, "explain 999": exitFailed, "explain 5.7": exitFailed} {
		var out, errs strings.Builder
		if code := run(t.Context(), strings.Fields(args), strings.NewReader(""), &out, &errs); code != want || out.String() != "" {
			t.Errorf("%s: exit %d, want %d: %s%s", args, code, want, out.String(), errs.String())
		}
	}
}
