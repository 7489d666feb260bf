package queue

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
	"posthorn/queue/words"
)

func reply(code int, x, text string) mail.Reply {
	r := mail.Reply{Code: code, Text: text}
	fmt.Sscanf(x, "%d.%d.%d", &r.X[0], &r.X[1], &r.X[2])
	return r
}

func TestJudge(t *testing.T) {
	tests := []struct {
		name  string
		reply mail.Reply
		want  verdict
	}{
		{"taken", reply(250, "2.0.0", "Ok"), verdict{fate: done}},
		{"no such user", reply(550, "5.1.1", "No such user"), verdict{fate: fail}},
		{"a refusal without a code", reply(550, "", "no"), verdict{fate: fail}},
		{"greylisted", reply(451, "4.7.1", "Greylisted"), verdict{fate: retry, wait: 5 * time.Minute}},
		{"a temporary answer without a code", reply(450, "", "later"), verdict{fate: retry}},
		{"no SMTP at all", reply(999, "", ""), verdict{fate: retry}},
		{"nothing", mail.Reply{}, verdict{fate: retry}},
		{"full", reply(452, "4.2.2", "Over quota"), verdict{fate: retry, limit: 72 * time.Hour}},
		{"full for good", reply(552, "5.2.2", "Over quota"), verdict{fate: fail}},
		{"too many recipients", reply(452, "4.5.3", ""), verdict{fate: retry, soon: true}},
		{"too many recipients, as 5yz", reply(552, "5.5.3", ""), verdict{fate: retry, soon: true}},
		{"busy", reply(421, "", "Service not available"), verdict{fate: retry, host: true}},
		{"no answer", mail.NoAnswer.With("mx"), verdict{fate: retry, host: true}},
		{"broken off", mail.ConnectionLost.With("mx", "EOF"), verdict{fate: retry, host: true}},
		{"DNS", mail.DNSTemporary.With("x.test"), verdict{fate: retry, host: true}},
		{"our own trouble", mail.LocalError, verdict{fate: retry}},
		{"Gmail's flood", reply(450, "4.7.28", "unusual rate"), verdict{fate: retry, pace: 1}},
		{"a connection that has carried enough", reply(421, "", "too many messages in this connection"), verdict{fate: retry, soon: true}},
		{"Gmail wants a name for the address", reply(421, "4.7.23", "Your email has been temporarily rate limited."), slowMisplaced},
		{"Gmail wants encryption", reply(550, "5.7.29", "Gmail requires all senders to use TLS/SSL for SMTP"), verdict{fate: fail}},
		{"a mailbox too busy, as 5yz", reply(550, "5.2.1", "The user is receiving mail at a rate that prevents delivery"), busyAgain},
		{"a list asked through a public resolver", reply(554, "5.7.1", "Client host [192.0.2.1] blocked using zen.spamhaus.org; Error: open resolver"), verdict{fate: retry, limit: day}},
		{"Microsoft's block", reply(550, "5.7.606", "Access denied, banned sending IP [192.0.2.1]"), blocked},
		{"Outlook's block", reply(550, "5.7.1", "Unfortunately, messages from [192.0.2.1] weren't sent. (S3150)"), blocked},
		{"a blocklist", reply(554, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"), blocked},
		{"a list that names no address", reply(554, "5.7.1", "URL in the body is on our block list"), verdict{fate: fail}},
		{"spam", reply(550, "5.7.1", "Message looks like spam"), verdict{fate: fail}},
	}
	for _, tt := range tests {
		if got := judge(tt.reply); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
	if v := judge(mail.SmarthostLogin.With("mx")); v.fate != retry || v.wait != time.Hour || v.notice == "" {
		t.Errorf("a refused login: %+v", v)
	}
}

// Each row can be reached, each pattern means something, and each kind has words.
func TestTableIsWellFormed(t *testing.T) {
	for i, r := range table {
		all := r.ours == "" && r.class == 0 && r.codes == nil && r.x == "" && r.says == ""
		if last := i == len(table)-1; all != last {
			t.Errorf("row %d of %d fits all: %v", i, len(table), all)
		}
		for _, p := range strings.Fields(r.x) {
			var a, b, c int
			plain := strings.NewReplacer("*", "0", "-", " ").Replace(p)
			if n, _ := fmt.Sscanf(plain, "%d.%d.%d", &a, &b, &c); n != 3 {
				t.Errorf("row %d: pattern %q", i, p)
			}
		}
		var subject, detail int
		if n, _ := fmt.Sscanf(r.status, "%d.%d", &subject, &detail); n != 2 {
			t.Errorf("row %d: status %q", i, r.status)
		}
		if r.kind == "" || r.who == "" {
			t.Errorf("row %d has no words: %+v", i, r)
		}
	}
}

// Every reply of ours that may stand in a report has words of its own, and every
// row's are in the catalogue.
func TestRepliesHaveWords(t *testing.T) {
	kinds := words.Kinds()
	for i, r := range table {
		if !slices.Contains(kinds, r.kind) {
			t.Errorf("row %d: there are no words for %q", i, r.kind)
		}
	}
	for _, r := range []mail.Reply{
		mail.NoSuchMailbox, mail.MailboxDisabled, mail.MailboxFull, mail.MailboxFullHard, mail.MailLoop, mail.AliasLoop, mail.DomainNotFound,
		mail.NullMX, mail.NoRoute, mail.PrivateRoute, mail.RouteToSelf, mail.DNSTemporary, mail.NoAnswer, mail.ConnectionLost, mail.TLSRequired,
		mail.TLSFailed, mail.BadAnswer, mail.SmarthostLogin, mail.RemoteNeedsUTF8, mail.TooBig, mail.LocalError,
	} {
		if k := Classify(r).Kind; k == "refused" || k == "later" {
			t.Errorf("%s has no words of its own", r.Name)
		}
	}
}

func TestSchedule(t *testing.T) {
	c := DefaultConfig()
	var got []string
	for n := 1; n <= 8; n++ {
		got = append(got, c.delay(n).String())
	}
	if want := "5m0s 10m0s 20m0s 40m0s 1h20m0s 2h40m0s 4h0m0s 4h0m0s"; strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
	for range 1000 {
		if j := jitter(time.Hour); j < 54*time.Minute || j > 66*time.Minute {
			t.Fatalf("jitter gave %v", j)
		}
	}
	if n := c.enough(5 * 24 * time.Hour); n < 10 || n > 25 {
		t.Errorf("five days ask for %d attempts", n)
	}
	if n := c.enough(time.Minute); n != 1 {
		t.Errorf("a minute asks for %d attempts", n)
	}
}

func TestConfigCheck(t *testing.T) {
	if err := DefaultConfig().Check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Config){
		"no lifetime":    func(c *Config) { c.Expire = 0 },
		"retries shrink": func(c *Config) { c.MaxRetry = c.FirstRetry - 1 },
		"no connections": func(c *Config) { c.Connections = 0 },
	} {
		c := DefaultConfig()
		spoil(&c)
		if c.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
