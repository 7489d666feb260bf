package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// The verbs do the same whether a server runs or not.
func TestVerbs(t *testing.T) {
	for name, start := range map[string]func(*testing.T) *server{
		"asked of the server":    func(t *testing.T) *server { return startServer(t, nil) },
		"on the folder directly": func(t *testing.T) *server { return &server{file: testConfig(t, nil)} },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			for _, step := range []struct {
				args  string
				stdin string
				exit  int
				want  string // a part of what is printed
			}{
				{"domain list", "", 0, "no domains yet"},
				{"domain add Example.Test --admin you@example.test", "", 0, "example.test. IN MX 10 mail.example.test."},
				{"domain add there.test --admin friend@elsewhere.example", "", 0, "posthorn domain dns there.test shows it again"},
				{"domain add note.test --admin you@note.test", "", 0, "Nobody has the address you@note.test yet, so mail to postmaster@note.test"},
				{"domain remove there.test", "", 0, "there.test is removed"},
				{"domain remove note.test", "", 0, "note.test is removed"},
				{"domain add example.test --admin you@example.test", "", 1, "domain example.test exists already"},
				{"domain add example.test", "", 2, "--admin says who gets mail"},
				{"domain add not_a--domain..test --admin you@example.test", "", 2, "is not a domain name"},
				{"domain add example.net --alias-of example.test", "", 0, "example.net is added"},
				{"domain list", "", 0, "example.net   alias  example.test  you@example.test"},
				{"domain add kept.test --backup --primary mx.kept.test:2525 --keep 10d", "", 0, "kept.test. IN MX 20 mail.example.test."},
				{"domain list", "", 0, "kept.test     backup  mx.kept.test:2525"},
				{"domain add b.test --backup --admin you@example.test", "", 2, "--backup: the addresses are on the other host"},
				{"domain add b.test --admin you@example.test --keep 3d", "", 2, "--primary and --keep go with --backup"},
				{"domain add b.test --backup --primary [x", "", 2, "is neither HOST nor HOST:PORT"},
				{"user add bob@kept.test --password-stdin", "secret secret\nsecret secret\n", 1, "the addresses of domain kept.test are on another host"},
				{"domain remove kept.test", "", 0, "kept.test is removed"},
				{"domain dns example.test", "", 0, "._domainkey.example.test. IN TXT \"v=DKIM1; k=rsa; p="},
				{"domain dns example.com", "", 1, "there is no domain example.com"},
				{"reindex --search", "", 0, "the search index is rebuilt: 0 messages"},
				{"user list", "", 0, "no users yet"},
				{"user add you@example.test --password-stdin --quota 2G", "secret\n", 0, "you@example.test is added"},
				{"user add You@Example.Test --password-stdin", "secret\n", 1, "user you@example.test exists already"},
				{"user add you@example.com --password-stdin", "secret\n", 1, "there is no domain example.com here"},
				{"user add x@example.net --password-stdin", "secret\n", 2, "example.net is an alias: add x@example.test"},
				{"user add x@example.test --password-stdin", "\n", 2, "the password is empty"},
				{"user add x@example.test", "secret\n", 2, "use --password-stdin"},
				{"user add x@example.test --quota many --password-stdin", "secret\n", 2, "quota: "},
				{"user add nonsense --password-stdin", "secret\n", 2, "nonsense is not an address"},
				{"user list", "", 0, "you@example.test  enabled  0         0     2G"},
				{"user quota you@example.test 500M", "", 0, "uses 0 of 500M"},
				{"user quota you@example.test 500M --mailboxes 12", "", 0, "uses 0 of 500M"},
				{"user quota you@example.test 500M --mailboxes -1", "", 2, "cannot be negative"},
				{"user show you@example.test", "", 0, "500M, any messages, 12 mailboxes"},
				{"user show you@example.test", "", 0, "0 of 2000 recipients within an hour, 0 of 10000 recipients within a day"},
				{"user language you@example.test de --zone Europe/Berlin", "", 0, "you@example.test is written to in: de, time zone: Europe/Berlin"},
				{"user language you@example.test", "", 0, "in: de, time zone: Europe/Berlin"},
				{"user show you@example.test", "", 0, "de, Europe/Berlin"},
				{"user language you@example.test none", "", 0, "in: the message's language, time zone: Europe/Berlin"},
				{"user language you@example.test tlh", "", 2, "no reports are written in"},
				{"user language you@example.test --zone Europe/Atlantis", "", 2, "there is no time zone"},
				{"user language nobody@example.test de", "", 1, "there is no user nobody@example.test"},
				{"user admin you@example.test", "", 0, "you@example.test is an administrator"},
				{"user show you@example.test", "", 0, "admin  yes"},
				{"user admin you@example.test --revoke", "", 0, "no administrator any more"},
				{"user admin nobody@example.test", "", 1, "there is no user nobody@example.test"},
				{"user disable you@example.test", "", 0, "you@example.test is disabled"},
				{"user show you@example.test", "", 0, "state    disabled"},
				{"user enable you@example.test", "", 0, "you@example.test is enabled"},
				{"user passwd you@example.test --password-stdin", "other\n", 0, "has a new password"},
				{"app-password list you@example.test", "", 0, "no app passwords"},
				{"app-password add you@example.test --name Phone --protocol smtp,imap,imap --expires 90d", "", 0, "It is not kept and not shown again"},
				{"app-password add you@example.test --name Phone", "", 1, "app password Phone of you@example.test exists already"},
				{"app-password add you@example.test --name printer", "", 0, `"printer" of you@example.test, for imap, pop3, smtp`},
				{"app-password add you@example.test", "", 2, "needs a name"},
				{"app-password add you@example.test --name x --protocol ftp", "", 2, "ftp is none of imap, pop3, smtp"},
				{"app-password add you@example.test --name x --expires soon", "", 2, `"soon" is not a time such as 90d`},
				{"app-password add nobody@example.test --name x", "", 1, "there is no user nobody@example.test"},
				{"app-password list you@example.test", "", 0, "Phone    imap,smtp       2"},
				{"app-password revoke you@example.test printer", "", 0, "printer of you@example.test is revoked"},
				{"app-password revoke you@example.test printer", "", 1, "there is no app password printer of you@example.test"},
				{"alias add info@example.test you@example.test Friend@elsewhere.example", "", 0, "leads to you@example.test, Friend@elsewhere.example"},
				{"alias add info@example.test you@example.test", "", 1, "alias info@example.test exists already"},
				{"alias list example.test", "", 0, "info@example.test  you@example.test, Friend@elsewhere.example"},
				{"alias list example.com", "", 0, "no aliases"},
				{"user show you@example.test", "", 0, "alias  info@example.test"},
				{"domain remove example.test", "", 1, "example.test"},
				{"queue list", "", 0, "the queue is empty"},
				{"queue show ABC", "", 1, "there is no message ABC in the queue"},
				{"queue retry", "", 2, "--all"},
				{"queue retry --all", "", 0, "tried again: 0 deliveries"},
				{"alias remove info@example.test", "", 0, "info@example.test is removed"},
				{"alias remove info@example.test", "", 1, "there is no alias info@example.test"},
				{"user add boss@example.test --password-stdin --admin", "secret\n", 0, "boss@example.test is added"},
				{"user show boss@example.test", "", 0, "admin  yes"},
				{"user remove boss@example.test --yes", "", 0, "boss@example.test is removed"},
				{"user remove you@example.test", "", 2, "use --yes"},
				{"user remove you@example.test --yes", "", 0, "you@example.test is removed"},
				{"domain remove example.net", "", 0, "example.net is removed"},
				{"domain remove example.test", "", 0, "example.test is removed"},
				{"check", "", 0, "everything is in order"},
				{"user", "", 2, "needs one of its verbs"},
				{"user show", "", 2, "usage: posthorn user show ADDRESS"},
				{"user list --colour", "", 2, "unknown flag: --colour"},
			} {
				if out := s.verb(t, step.exit, step.stdin, strings.Fields(step.args)...); !strings.Contains(out, step.want) {
					t.Errorf("posthorn %s printed\n%s\nwithout %q", step.args, out, step.want)
				}
			}
		})
	}
}

// Every verb that prints gives one JSON value with --json.
func TestVerbsPrintJSON(t *testing.T) {
	s := startServer(t, nil)
	for _, args := range []string{
		"domain add example.test --admin you@example.test", "domain list", "domain dns example.test",
		"user add you@example.test --password-stdin", "user list", "user show you@example.test", "user quota you@example.test 1G",
		"user disable you@example.test", "user enable you@example.test", "user passwd you@example.test --password-stdin",
		"alias add a@example.test you@example.test", "alias list", "sendmail you@example.test", "queue list", "queue retry --all",
		"alias remove a@example.test", "check", "reindex --search", "config check", "user remove you@example.test --yes", "domain remove example.test",
	} {
		out := s.verb(t, exitDone, "text\n", append(strings.Fields(args), "--json")...)
		if !json.Valid([]byte(out)) {
			t.Errorf("posthorn %s --json printed %s", args, out)
		}
	}
}

func TestSocketIsTheOwnersAlone(t *testing.T) {
	s := startServer(t, nil)
	fi, err := os.Stat(filepath.Join(filepath.Dir(s.file), "data", socketName))
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi.Mode(), err)
	}
}

// What sendmail takes is delivered, and what it refuses exits as sysexits.h
// says.
func TestSendmail(t *testing.T) {
	s := startServer(t, nil)
	s.verb(t, exitDone, "", "domain", "add", "example.test", "--admin", "you@example.test")
	s.verb(t, exitDone, "secret\n", "user", "add", "you@example.test", "--password-stdin")
	s.verb(t, exitDone, "secret\n", "user", "add", "full@example.test", "--quota", "10", "--password-stdin")
	letter := "To: you, Friend@elsewhere.example\nSubject: from cron\n\ntext\n"
	for _, test := range []struct {
		args string
		exit int
		want string
	}{
		{"-t -i -oem", 0, ""},
		{"nobody", 67, "nobody@example.test: 550 5.1.1"},
		{"root", 0, ""},
		{"you full", 75, "full@example.test: 452 4.2.2"},
		{"", 64, "needs recipients"},
		{"-bs", 64, "-bs is not offered"},
		{"--nonsense you", 64, "unknown flag"},
		{"-f x@@y you", 69, "501 5.1.7"},
		{"-t -f root", 64, "no recipients"},
	} {
		text := letter
		if test.args == "-t -f root" {
			text = "Subject: to nobody\n\ntext\n"
		}
		if out := s.verb(t, test.exit, text, append([]string{"sendmail"}, strings.Fields(test.args)...)...); !strings.Contains(out, test.want) {
			t.Errorf("sendmail %s: %s", test.args, out)
		}
	}
	s.expectOutgoing(t, "X-Envelope-To: <Friend@elsewhere.example>\nSubject: from cron\ntext")
	var u userFacts
	s.decode(t, &u, "user", "show", "you@example.test")
	if u.Used.Messages != 2 {
		t.Errorf("the user has %d messages, want the one that was not refused, and root's", u.Used.Messages)
	}
	if _, _, code := command(t, letter, "--config", "missing.toml", "sendmail", "you"); code != exConfig {
		t.Errorf("without a config sendmail exits %d", code)
	}
}

// Without a server sendmail keeps the letter, and the next server sends it.
func TestSendmailSpoolsWithoutAServer(t *testing.T) {
	s := &server{file: testConfig(t, nil), addr: map[string]string{}, log: &logBuffer{}}
	s.verb(t, exitDone, "", "sendmail", "-f", "a@example.test", "friend@elsewhere.example")
	var items []itemFacts
	s.decode(t, &items, "queue", "list")
	if len(items) != 1 || items[0].From != "a@example.test" || len(items[0].Deliveries) != 1 {
		t.Fatalf("queue: %+v", items)
	}
	if out := s.verb(t, exitDone, "", "queue", "show", items[0].QueueID); !strings.Contains(out, "friend@elsewhere.example") {
		t.Errorf("queue show: %s", out)
	}
	s.start(t)
	s.expectOutgoing(t, "X-Envelope-To: <friend@elsewhere.example>\nReturn-Path: <a@example.test>")
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if out := s.verb(t, exitDone, "", "queue", "list"); out != "the queue is empty\n" {
		t.Errorf("after delivery: %s", out)
	}
}

func TestQueueDrop(t *testing.T) {
	s := &server{file: testConfig(t, nil)}
	s.verb(t, exitDone, "", "sendmail", "-f", "a@example.test", "friend@elsewhere.example")
	var items []itemFacts
	s.decode(t, &items, "queue", "list")
	if out := s.verb(t, exitFailed, "", "queue", "drop", items[0].QueueID, "ABC"); out != "posthorn: there is no message ABC in the queue\n" {
		t.Errorf("a wrong id: %s", out)
	}
	if out := s.verb(t, exitDone, "", "queue", "drop", items[0].QueueID); out != "dropped: 1 delivery\n" {
		t.Errorf("got %s", out)
	}
	if out := s.verb(t, exitDone, "", "queue", "list"); out != "the queue is empty\n" {
		t.Errorf("after dropping: %s", out)
	}
}

// Verbs that run at the same time wait for each other: a script may add users
// in parallel.
func TestVerbsWaitForEachOther(t *testing.T) {
	s := &server{file: testConfig(t, nil)}
	s.verb(t, exitDone, "", "domain", "add", "example.test", "--admin", "you@example.test")
	var g sync.WaitGroup
	for i := range 4 {
		g.Go(func() {
			_, errs, code := command(t, "secret\n", "--config", s.file, "user", "add", fmt.Sprintf("user%d@example.test", i), "--password-stdin")
			if code != exitDone {
				t.Errorf("exit %d: %s", code, errs)
			}
		})
	}
	g.Wait()
	var users []userFacts
	s.decode(t, &users, "user", "list")
	if len(users) != 4 {
		t.Errorf("%d users", len(users))
	}
}
